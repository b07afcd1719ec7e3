//! What lies in the row of an order with content.

use serde::{Deserialize, Serialize};

use super::history::EntryRecord;
use super::parts::{all, parsed, reference_text};
use crate::clock::Timestamp;
use crate::domain::money::{Amount, Milli};
use crate::domain::order::content::{
    Address, Basket, Content, Customer, Details, Fingerprint, Fulfillment, Line, Mails, Metadata,
    PlacedBy, Reference,
};
use crate::domain::order::status::{CancelReason, FulfillmentKind, Status};
use crate::domain::{Country, Currency, EmailAddress, MailId, MailKind, UserId};

#[derive(Debug, Serialize, Deserialize)]
pub struct ContentRecord {
    currency: Option<String>,
    prices_include_tax: bool,
    lines: Vec<LineRecord>,
    reference: Option<String>,
    details: DetailsRecord,
    status: u8,
    cancel_reason: Option<u8>,
    updated_secs: u64,
    closed_secs: Option<u64>,
    placed_by: Option<u64>,
    placed_by_admin: bool,
    fingerprint: Option<(u8, [u8; 32])>,
    email_is_admins: bool,
    mails: Vec<(u8, u64)>,
    history: Vec<EntryRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LineRecord {
    name: String,
    sku: Option<String>,
    quantity_milli: u32,
    unit: Option<String>,
    unit_price: u64,
    discount: u64,
    tax_rate_milli: u32,
    note: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DetailsRecord {
    note: Option<String>,
    metadata: Metadata,
    customer: Option<CustomerRecord>,
    fulfillment: Option<FulfillmentRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CustomerRecord {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FulfillmentRecord {
    kind: u8,
    due_secs: Option<u64>,
    note: Option<String>,
    address: Option<AddressRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AddressRecord {
    line1: String,
    line2: Option<String>,
    city: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
}

impl From<&Content> for ContentRecord {
    fn from(content: &Content) -> ContentRecord {
        let Content { basket, placed_by, .. } = content;
        ContentRecord {
            currency: basket.currency.map(|currency| currency.to_string()),
            prices_include_tax: basket.prices_include_tax,
            lines: basket.lines.iter().map(LineRecord::from).collect(),
            reference: content.reference.as_ref().map(reference_text),
            details: DetailsRecord::from(&content.details),
            status: content.status.code(),
            cancel_reason: content.cancel_reason.map(CancelReason::code),
            updated_secs: content.updated_at.as_secs(),
            closed_secs: content.closed_at.map(Timestamp::as_secs),
            placed_by: placed_by.user.map(|user| user.0),
            placed_by_admin: placed_by.is_admin,
            fingerprint: placed_by.fingerprint.map(|it| (it.version, it.hash)),
            email_is_admins: content.email_is_admins,
            mails: content.mails.iter().map(|(kind, id)| (kind.code(), id.0)).collect(),
            history: content.history.iter().map(EntryRecord::from).collect(),
        }
    }
}

impl ContentRecord {
    pub fn mails(&self) -> Vec<MailId> {
        self.mails.iter().map(|(_, id)| MailId(*id)).collect()
    }

    /// `None` where a field is not what it was when it was written.
    pub fn into_content(self) -> Option<Content> {
        let mut mails = Mails::default();
        for (kind, id) in self.mails {
            mails.add(MailKind::of_code(kind)?, MailId(id));
        }
        Some(Content {
            basket: Basket {
                currency: parsed(self.currency, |code| Currency::stored(&code))?,
                prices_include_tax: self.prices_include_tax,
                lines: all(self.lines, LineRecord::into_line)?,
            },
            reference: parsed(self.reference, |text| Reference::parse(&text))?,
            details: self.details.into_details()?,
            status: Status::of_code(self.status)?,
            cancel_reason: parsed(self.cancel_reason, CancelReason::of_code)?,
            updated_at: Timestamp::from_secs(self.updated_secs),
            closed_at: self.closed_secs.map(Timestamp::from_secs),
            placed_by: PlacedBy {
                user: self.placed_by.map(UserId),
                is_admin: self.placed_by_admin,
                fingerprint: self.fingerprint.map(|(version, hash)| Fingerprint { version, hash }),
            },
            email_is_admins: self.email_is_admins,
            mails,
            history: all(self.history, EntryRecord::into_entry)?,
        })
    }
}

impl From<&Line> for LineRecord {
    fn from(line: &Line) -> LineRecord {
        LineRecord {
            name: line.name.clone(),
            sku: line.sku.clone(),
            quantity_milli: line.quantity.thousandths(),
            unit: line.unit.clone(),
            unit_price: line.unit_price.get(),
            discount: line.discount.get(),
            tax_rate_milli: line.tax_rate.thousandths(),
            note: line.note.clone(),
        }
    }
}

impl LineRecord {
    fn into_line(self) -> Option<Line> {
        Some(Line {
            name: self.name,
            sku: self.sku,
            quantity: Milli::of_thousandths(self.quantity_milli),
            unit: self.unit,
            unit_price: Amount::new(self.unit_price)?,
            discount: Amount::new(self.discount)?,
            tax_rate: Milli::of_thousandths(self.tax_rate_milli),
            note: self.note,
        })
    }
}

impl From<&Details> for DetailsRecord {
    fn from(details: &Details) -> DetailsRecord {
        let customer = details.customer.as_ref().map(|customer| CustomerRecord {
            name: customer.name.clone(),
            email: customer.email.as_ref().map(|email| email.as_str().to_owned()),
            phone: customer.phone.clone(),
        });
        let fulfillment = details.fulfillment.as_ref().map(|fulfillment| FulfillmentRecord {
            kind: fulfillment.kind.code(),
            due_secs: fulfillment.due_at.map(Timestamp::as_secs),
            note: fulfillment.note.clone(),
            address: fulfillment.address.as_ref().map(AddressRecord::from),
        });
        let (note, metadata) = (details.note.clone(), details.metadata.clone());
        DetailsRecord { note, metadata, customer, fulfillment }
    }
}

impl DetailsRecord {
    fn into_details(self) -> Option<Details> {
        let customer = parsed(self.customer, |CustomerRecord { name, email, phone }| {
            let email = parsed(email, |text| EmailAddress::parse(&text).ok())?;
            Some(Customer { name, email, phone })
        })?;
        let fulfillment = parsed(self.fulfillment, |record| {
            Some(Fulfillment {
                kind: FulfillmentKind::of_code(record.kind)?,
                due_at: record.due_secs.map(Timestamp::from_secs),
                note: record.note,
                address: parsed(record.address, AddressRecord::into_address)?,
            })
        })?;
        Some(Details { note: self.note, metadata: self.metadata, customer, fulfillment })
    }
}

impl From<&Address> for AddressRecord {
    fn from(address: &Address) -> AddressRecord {
        AddressRecord {
            line1: address.line1.clone(),
            line2: address.line2.clone(),
            city: address.city.clone(),
            state: address.state.clone(),
            postal_code: address.postal_code.clone(),
            country: address.country.map(|country| country.as_str().to_owned()),
        }
    }
}

impl AddressRecord {
    fn into_address(self) -> Option<Address> {
        let AddressRecord { line1, line2, city, state, postal_code, country } = self;
        let country = parsed(country, |code| Country::stored(&code))?;
        Some(Address { line1, line2, city, state, postal_code, country })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::order::change::{DetailField, Entry, EntryKind, Payment, Refund};
    use crate::domain::order::status::RefundReason;

    /// With every field present.
    pub fn content() -> Content {
        let line = Line {
            sku: Some("m-1".into()),
            quantity: Milli::of_thousandths(1500),
            unit: Some("kg".into()),
            unit_price: Amount::new(950).unwrap(),
            discount: Amount::new(10).unwrap(),
            tax_rate: Milli::of_thousandths(7000),
            note: Some("no olives".into()),
            ..Line::named("Margherita")
        };
        let address = Address {
            line1: "Main Street 1".into(),
            country: Country::parse("DE"),
            ..Address::default()
        };
        let customer = Customer {
            name: Some("Ann".into()),
            email: EmailAddress::parse("ann@example.com").ok(),
            phone: Some("+49 30".into()),
        };
        let key = Some("k".to_owned());
        let reference = Reference::parse("A-17");
        let amount = Amount::new(5).unwrap();
        let payment = Payment {
            amount,
            method: "cash".into(),
            reference: reference.clone(),
            note: Some("tip".into()),
            key: key.clone(),
        };
        let refund = Refund { amount, reason: RefundReason::Duplicate, note: None, key };
        let (from, to) = (Status::Pending, Status::Canceled);
        let reason = Some(CancelReason::Fraud);
        let kinds = [
            EntryKind::Update { fields: vec![DetailField::Note, DetailField::Customer] },
            EntryKind::Payment(payment),
            EntryKind::Refund(refund),
            EntryKind::Status { from, to, reason, note: Some("why".into()) },
        ];
        let at = Timestamp::from_secs(9);
        let actors = [Some(UserId(1)), None].into_iter().cycle();
        let history = kinds.into_iter().zip(actors).map(|(kind, actor)| Entry { at, actor, kind });
        let mut mails = Mails::default();
        mails.add(MailKind::Placed, MailId(3));
        Content {
            basket: Basket {
                currency: Currency::parse("EUR"),
                prices_include_tax: true,
                lines: vec![line, Line::named("Water")],
            },
            reference,
            details: Details {
                note: Some("ring twice".into()),
                metadata: Metadata::from([("table".into(), "4".into())]),
                customer: Some(customer),
                fulfillment: Some(Fulfillment {
                    kind: FulfillmentKind::Delivery,
                    due_at: Some(at),
                    note: Some("left door".into()),
                    address: Some(address),
                }),
            },
            status: Status::Canceled,
            cancel_reason: reason,
            updated_at: at,
            closed_at: Some(at),
            placed_by: PlacedBy {
                user: Some(UserId(1)),
                is_admin: true,
                fingerprint: Some(Fingerprint { version: 1, hash: [7; 32] }),
            },
            email_is_admins: true,
            mails,
            history: history.collect(),
        }
    }

    #[test]
    fn a_code_that_no_version_has_written_is_an_error() {
        let whole = || ContentRecord::from(&content());
        assert_eq!(whole().into_content(), Some(content()));
        assert_eq!(ContentRecord { status: 9, ..whole() }.into_content(), None);
        assert_eq!(ContentRecord { currency: Some("euro".into()), ..whole() }.into_content(), None);
        assert_eq!(ContentRecord { mails: vec![(9, 1)], ..whole() }.into_content(), None);
    }
}
