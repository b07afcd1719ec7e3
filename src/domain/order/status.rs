//! The life cycle of an order, and the words that belong to it. Each list is declared once: the
//! wire, the store and the document use its names and codes.

/// Declares an enum whose variants have a name, for the wire, and a code, for the store. Codes are
/// never changed.
macro_rules! words {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident {
            $($(#[doc = $variant_doc:literal])* $variant:ident = $code:literal $word:literal,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant = $code,)*
        }

        impl $name {
            /// In the order of their declaration.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }

            pub fn parse(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|known| known.as_str() == word)
            }

            pub fn code(self) -> u8 {
                self as u8
            }

            pub fn of_code(code: u8) -> Option<$name> {
                $name::ALL.iter().copied().find(|known| known.code() == code)
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Where an order is in its life.
    pub enum Status {
        Pending = 0 "pending",
        Processing = 1 "processing",
        Ready = 2 "ready",
        Completed = 3 "completed",
        Canceled = 4 "canceled",
        /// Only a simple order fails.
        Failed = 5 "failed",
    }
}

words! {
    /// Why an order was canceled.
    pub enum CancelReason {
        Customer = 0 "customer",
        Inventory = 1 "inventory",
        Fraud = 2 "fraud",
        Declined = 3 "declined",
        Staff = 4 "staff",
        Other = 5 "other",
    }
}

words! {
    /// Why money was given back.
    pub enum RefundReason {
        RequestedByCustomer = 0 "requested_by_customer",
        Duplicate = 1 "duplicate",
        Fraudulent = 2 "fraudulent",
        Other = 3 "other",
    }
}

words! {
    /// How the order gets to the customer.
    pub enum FulfillmentKind {
        Pickup = 0 "pickup",
        Delivery = 1 "delivery",
        Shipment = 2 "shipment",
    }
}

/// How much of an order is paid. Computed, and independent of its [`Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    Unpaid,
    PartiallyPaid,
    Paid,
    PartiallyRefunded,
    Refunded,
}

impl Status {
    /// Those that the order can still leave. They have an index.
    pub const OPEN: [Status; 3] = [Status::Pending, Status::Processing, Status::Ready];

    /// Whether it is one of [`Status::OPEN`].
    pub fn is_open(self) -> bool {
        Status::OPEN.contains(&self)
    }

    /// What `success` of the old service is for such an order.
    pub fn is_success(self) -> bool {
        !matches!(self, Status::Canceled | Status::Failed)
    }

    /// The statuses that an order with content can take next.
    pub fn next(self) -> &'static [Status] {
        match self {
            Status::Pending => {
                &[Status::Processing, Status::Ready, Status::Completed, Status::Canceled]
            }
            Status::Processing => &[Status::Ready, Status::Completed, Status::Canceled],
            Status::Ready => &[Status::Completed, Status::Canceled, Status::Processing],
            Status::Completed | Status::Canceled | Status::Failed => &[],
        }
    }

    /// Whether a move to `next` undoes a step, so that it can be made again and again.
    pub fn is_step_back(self, next: Status) -> bool {
        self == Status::Ready && next == Status::Processing
    }
}

impl PaymentStatus {
    pub const ALL: [PaymentStatus; 5] = [
        PaymentStatus::Unpaid,
        PaymentStatus::PartiallyPaid,
        PaymentStatus::Paid,
        PaymentStatus::PartiallyRefunded,
        PaymentStatus::Refunded,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            PaymentStatus::Unpaid => "unpaid",
            PaymentStatus::PartiallyPaid => "partially_paid",
            PaymentStatus::Paid => "paid",
            PaymentStatus::PartiallyRefunded => "partially_refunded",
            PaymentStatus::Refunded => "refunded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_lead_back_to_their_word() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(*status));
            assert_eq!(Status::of_code(status.code()), Some(*status));
        }
        assert_eq!((Status::parse("Ready"), Status::of_code(6)), (None, None));
    }

    #[test]
    fn only_open_orders_can_move_and_none_to_where_it_is() {
        for status in Status::ALL {
            assert_eq!(status.is_open(), !status.next().is_empty(), "{status:?}");
            assert!(!status.next().contains(status));
            assert!(!status.next().contains(&Status::Pending));
            assert!(!status.next().contains(&Status::Failed));
        }
    }
}
