//! Whose transfer it is, by what its maker wrote in its metadata.

use super::{OrderKind, TransferType};
use crate::domain::ids::ShopId;

/// What a transfer pays, and at which marketplace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What it pays.
    pub kind: TransferType,
    /// The Mirakl id of what it pays.
    pub mirakl_id: String,
    /// The marketplace; none where the old connector made it, which did not say.
    pub host: Option<String>,
    /// The shop, where it says.
    pub shop_id: Option<ShopId>,
}

impl Origin {
    /// Whether it belongs to the marketplace at `host`.
    pub fn is_of(&self, host: &str) -> bool {
        self.host.as_deref().is_none_or(|origin| origin == host)
    }

    /// What it pays, given whether it went to the account that taxes go to: the old connector did not
    /// say it otherwise, nor whether an order is of goods or of services.
    pub fn kind_by_destination(&self, to_tax_account: bool) -> TransferType {
        match (&self.host, to_tax_account) {
            (None, true) => {
                let order = self.kind.order_kind();
                order.map_or(self.kind, OrderKind::of_taxes)
            }
            (None, false) | (Some(_), _) => self.kind,
        }
    }
}

/// Reads the metadata of a transfer; `None` if neither this program nor the old connector made it
/// for an order.
///
/// The old connector named only the order. Its order transfers are the ones with a source charge.
pub fn origin<'a>(field: impl Fn(&str) -> Option<&'a str>, has_source: bool) -> Option<Origin> {
    let mirakl_id = field("miraklId").filter(|id| !id.is_empty())?.to_owned();
    let shop_id = field("miraklShopId")
        .and_then(|id| id.parse().ok())
        .map(ShopId);
    match field("pluginName") {
        Some("mirakl-stripe") => Some(Origin {
            kind: TransferType::parse(field("miraklType")?)?,
            host: Some(field("miraklHost")?.to_owned()),
            mirakl_id,
            shop_id,
        }),
        Some("MiraklConnector") if has_source => Some(Origin {
            kind: TransferType::ProductOrder,
            host: None,
            mirakl_id,
            shop_id,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, &'static str)], has_source: bool) -> Option<Origin> {
        let field = |name: &str| {
            let found = fields.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| *value)
        };
        origin(field, has_source)
    }

    #[test]
    fn a_transfer_is_ours_by_host_type_and_id_and_the_old_connectors_by_id() {
        let ours = [
            ("pluginName", "mirakl-stripe"),
            ("miraklId", "C1-A"),
            ("miraklType", "PRODUCT_ORDER"),
            ("miraklHost", "m.example"),
            ("miraklShopId", "2000"),
        ];
        let origin = of(&ours, true).expect("ours");
        assert!(origin.is_of("m.example") && !origin.is_of("other.example"));
        assert_eq!(origin.kind_by_destination(true), TransferType::ProductOrder);
        assert_eq!(origin.shop_id, Some(ShopId(2000)));

        let old = [("pluginName", "MiraklConnector"), ("miraklId", "C1-A")];
        let origin = of(&old, true).expect("the old connector's");
        assert!(origin.is_of("m.example") && origin.is_of("other.example"));
        let tax = TransferType::ProductOrderTax;
        assert_eq!(origin.kind_by_destination(true), tax);
        assert_eq!(
            origin.kind_by_destination(false),
            TransferType::ProductOrder
        );

        for (fields, has_source) in [
            (&old[..], false),
            (&old[..1], true),
            (&ours[..3], true),
            (&ours[..2], true),
            (&ours[1..], true),
            (&[("miraklId", "C1-A")], true),
        ] {
            assert_eq!(of(fields, has_source), None, "{fields:?}");
        }
    }
}
