//! Whose refund or reversal it is, by what its maker wrote in its metadata.

use super::RefundType;
use crate::domain::ids::{OrderId, RefundId, ShopId};

/// Who made a refund, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOrigin {
    /// This program, for the marketplace at `host`.
    Ours {
        /// The marketplace.
        host: String,
        /// What it was made for.
        made_for: MadeFor,
    },
    /// The old connector, which did not say for which marketplace.
    Old(Option<RefundId>),
    /// Somebody else: a person in the dashboard, another program.
    Other,
}

/// What a refund of ours was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFor {
    /// Of a product or of a service.
    pub kind: RefundType,
    /// The refund at Mirakl.
    pub refund_id: RefundId,
    /// Its order.
    pub order_id: OrderId,
    /// The shop, where it says.
    pub shop_id: Option<ShopId>,
}

/// Reads the metadata of a refund.
pub fn refund_origin<'a>(field: impl Fn(&str) -> Option<&'a str>) -> RefundOrigin {
    let filled = |name: &str| field(name).filter(|text| !text.is_empty());
    match field("pluginName") {
        Some("mirakl-stripe") => {
            let made_for = || {
                Some(MadeFor {
                    kind: RefundType::parse(filled("miraklType")?)?,
                    refund_id: filled("miraklRefundId")?.into(),
                    order_id: filled("miraklOrderId")?.into(),
                    shop_id: filled("miraklShopId")
                        .and_then(|id| id.parse().ok())
                        .map(ShopId),
                })
            };
            match (filled("miraklHost"), made_for()) {
                (Some(host), Some(made_for)) => RefundOrigin::Ours {
                    host: host.to_owned(),
                    made_for,
                },
                _ => RefundOrigin::Other,
            }
        }
        Some("MiraklConnector") => {
            let id = filled("miraklRefundId").or_else(|| filled("miraklId"));
            RefundOrigin::Old(id.map(RefundId::from))
        }
        _ => RefundOrigin::Other,
    }
}

/// Whether a reversal was made for this refund of the marketplace at `host`, by its metadata. The
/// old connector named only the refund.
pub fn reversal_is_for<'a>(
    field: impl Fn(&str) -> Option<&'a str>,
    host: &str,
    kind: RefundType,
    id: &RefundId,
) -> bool {
    let is = |name: &str, value: &str| field(name) == Some(value);
    match field("pluginName") {
        Some("mirakl-stripe") => {
            is("miraklHost", host)
                && is("miraklType", kind.as_str())
                && is("miraklRefundId", id.as_str())
        }
        Some("MiraklConnector") => is("miraklRefundId", id.as_str()) || is("miraklId", id.as_str()),
        _ => false,
    }
}

/// Whether neither this program nor the former connector made a reversal, by its metadata: a person in the dashboard
/// did, or another program.
pub fn reversal_is_nobodys<'a>(field: impl Fn(&str) -> Option<&'a str>) -> bool {
    !matches!(
        field("pluginName"),
        Some("mirakl-stripe" | "MiraklConnector")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader<'a>(fields: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<&'a str> {
        |name| {
            let found = fields.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| *value)
        }
    }

    const OURS: [(&str, &str); 6] = [
        ("pluginName", "mirakl-stripe"),
        ("miraklType", "PRODUCT_REFUND"),
        ("miraklHost", "m.example"),
        ("miraklRefundId", "1100"),
        ("miraklOrderId", "C1-A"),
        ("miraklShopId", "2000"),
    ];

    #[test]
    fn a_refund_is_ours_the_old_connectors_or_somebody_elses() {
        let RefundOrigin::Ours { host, made_for } = refund_origin(reader(&OURS)) else {
            panic!("ours");
        };
        assert_eq!(host, "m.example");
        assert_eq!(made_for.kind, RefundType::ProductRefund);
        assert_eq!(made_for.refund_id.as_str(), "1100");
        assert_eq!(made_for.order_id.as_str(), "C1-A");
        assert_eq!(made_for.shop_id, Some(ShopId(2000)));
        let old = [("pluginName", "MiraklConnector"), ("miraklRefundId", "7")];
        assert_eq!(
            refund_origin(reader(&old)),
            RefundOrigin::Old(Some("7".into()))
        );
        for fields in [&OURS[..2], &OURS[1..], &OURS[..4], &[]] {
            assert_eq!(
                refund_origin(reader(fields)),
                RefundOrigin::Other,
                "{fields:?}"
            );
        }
    }

    #[test]
    fn a_reversal_is_found_by_host_type_and_refund() {
        let id = RefundId::from("1100");
        let of = |fields: &[(&str, &str)], host: &str, kind| {
            reversal_is_for(reader(fields), host, kind, &id)
        };
        assert!(of(&OURS, "m.example", RefundType::ProductRefund));
        assert!(!of(&OURS, "other.example", RefundType::ProductRefund));
        assert!(!of(&OURS, "m.example", RefundType::ServiceRefund));
        let old = [("pluginName", "MiraklConnector"), ("miraklId", "1100")];
        assert!(of(&old, "m.example", RefundType::ProductRefund));
        assert!(!of(&OURS[1..], "m.example", RefundType::ProductRefund));
        for (fields, nobodys) in [(&OURS[..], false), (&old, false), (&OURS[1..], true)] {
            assert_eq!(reversal_is_nobodys(reader(fields)), nobodys, "{fields:?}");
        }
    }
}
