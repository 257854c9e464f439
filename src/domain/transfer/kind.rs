//! What a transfer pays: the seller's part of an order or its taxes, of goods or of services; or a
//! movement of an invoice.

/// What an order sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OrderKind {
    /// Goods (OR11).
    Product,
    /// Services (SOR11).
    Service,
}

impl OrderKind {
    /// The word in notifications and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Product => "PRODUCT",
            Self::Service => "SERVICE",
        }
    }

    /// The transfer of the seller's part.
    pub fn to_seller(self) -> TransferType {
        match self {
            Self::Product => TransferType::ProductOrder,
            Self::Service => TransferType::ServiceOrder,
        }
    }

    /// The transfer of the taxes, where they are split off.
    pub fn of_taxes(self) -> TransferType {
        match self {
            Self::Product => TransferType::ProductOrderTax,
            Self::Service => TransferType::ServiceOrderTax,
        }
    }

    /// Both transfers of one order.
    pub fn transfers(self) -> [TransferType; 2] {
        [self.to_seller(), self.of_taxes()]
    }
}

/// What a transfer pays. With the Mirakl id it is the natural key of a row.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    sqlx::Type,
    serde::Serialize,
    serde::Deserialize,
)]
#[sqlx(type_name = "transfer_type", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransferType {
    /// The seller's part of a product order.
    ProductOrder,
    /// The seller's part of a service order.
    ServiceOrder,
    /// The taxes of a product order, to the tax account.
    ProductOrderTax,
    /// The taxes of a service order, to the tax account.
    ServiceOrderTax,
    /// Credits of an invoice, from the operator to the seller.
    ExtraCredits,
    /// The subscription of an invoice, from the seller to the operator.
    Subscription,
    /// Manual invoices of an invoice, from the seller to the operator.
    ExtraInvoices,
}

impl TransferType {
    /// Every type.
    pub const ALL: [Self; 7] = [
        Self::ProductOrder,
        Self::ServiceOrder,
        Self::ProductOrderTax,
        Self::ServiceOrderTax,
        Self::ExtraCredits,
        Self::Subscription,
        Self::ExtraInvoices,
    ];

    /// The movements of an invoice, in the order in which they are made.
    pub const OF_INVOICES: [Self; 3] =
        [Self::ExtraCredits, Self::Subscription, Self::ExtraInvoices];

    /// The word in keys and metadata; it never changes once a transfer carries it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProductOrder => "PRODUCT_ORDER",
            Self::ServiceOrder => "SERVICE_ORDER",
            Self::ProductOrderTax => "PRODUCT_ORDER_TAX",
            Self::ServiceOrderTax => "SERVICE_ORDER_TAX",
            Self::ExtraCredits => "EXTRA_CREDITS",
            Self::Subscription => "SUBSCRIPTION",
            Self::ExtraInvoices => "EXTRA_INVOICES",
        }
    }

    /// Reads [`Self::as_str`]; `None` for what this version does not make.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What the order sells; `None` for a movement of an invoice.
    pub fn order_kind(self) -> Option<OrderKind> {
        match self {
            Self::ProductOrder | Self::ProductOrderTax => Some(OrderKind::Product),
            Self::ServiceOrder | Self::ServiceOrderTax => Some(OrderKind::Service),
            Self::ExtraCredits | Self::Subscription | Self::ExtraInvoices => None,
        }
    }

    /// Whether the seller pays it to the operator.
    pub fn is_charge(self) -> bool {
        match self {
            Self::Subscription | Self::ExtraInvoices => true,
            Self::ProductOrder
            | Self::ServiceOrder
            | Self::ProductOrderTax
            | Self::ServiceOrderTax
            | Self::ExtraCredits => false,
        }
    }

    /// Whether it is the taxes of an order, not its seller's part.
    pub fn is_tax(self) -> bool {
        match self {
            Self::ProductOrder
            | Self::ServiceOrder
            | Self::ExtraCredits
            | Self::Subscription
            | Self::ExtraInvoices => false,
            Self::ProductOrderTax | Self::ServiceOrderTax => true,
        }
    }

    /// The notification's `type`: the same words for product and service orders.
    pub fn notified_type(self) -> &'static str {
        match self {
            Self::ProductOrder | Self::ServiceOrder => "TRANSFER_ORDER",
            Self::ProductOrderTax | Self::ServiceOrderTax => "TRANSFER_TAX",
            Self::ExtraCredits => "TRANSFER_EXTRA_CREDITS",
            Self::Subscription => "TRANSFER_SUBSCRIPTION",
            Self::ExtraInvoices => "TRANSFER_EXTRA_INVOICES",
        }
    }

    /// The notification's `orderType`.
    pub fn order_type(self) -> Option<&'static str> {
        self.order_kind().map(OrderKind::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_type_has_a_word_of_its_own_and_is_read_back() {
        let words: HashSet<&str> = TransferType::ALL.map(TransferType::as_str).into();
        assert_eq!(words.len(), TransferType::ALL.len());
        for kind in TransferType::ALL {
            assert_eq!(TransferType::parse(kind.as_str()), Some(kind));
            let order = kind.order_kind();
            assert!(order.is_none_or(|order| order.transfers().contains(&kind)));
            assert_eq!(order.is_none(), TransferType::OF_INVOICES.contains(&kind));
        }
        assert_eq!(TransferType::parse("TAX"), None);
    }

    #[test]
    fn notifications_tell_orders_from_taxes_and_goods_from_services() {
        use TransferType::{ProductOrder, ProductOrderTax, ServiceOrder, ServiceOrderTax};
        for (kind, notified, order) in [
            (ProductOrder, "TRANSFER_ORDER", "PRODUCT"),
            (ServiceOrder, "TRANSFER_ORDER", "SERVICE"),
            (ProductOrderTax, "TRANSFER_TAX", "PRODUCT"),
            (ServiceOrderTax, "TRANSFER_TAX", "SERVICE"),
        ] {
            let told = (kind.notified_type(), kind.order_type());
            assert_eq!(told, (notified, Some(order)));
        }
        for (kind, notified) in [
            (TransferType::ExtraCredits, "TRANSFER_EXTRA_CREDITS"),
            (TransferType::Subscription, "TRANSFER_SUBSCRIPTION"),
            (TransferType::ExtraInvoices, "TRANSFER_EXTRA_INVOICES"),
        ] {
            let told = (kind.notified_type(), kind.order_type());
            assert_eq!(told, (notified, None));
        }
    }
}
