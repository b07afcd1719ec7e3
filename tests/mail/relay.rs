//! Messages, and transports to the scripted server.

use std::time::Duration;

use orderd::clock::Timestamp;
use orderd::config::SmtpTls;
use orderd::domain::{EmailAddress, Mail, MailId, MessageId, Order, OrderId};
use orderd::mail::{
    self, Addresses, Delivery, Message, Server, Session, Smtp, Templates, Timeouts, Transport,
};
use orderd::sys::stop::Stop;

use support::smtp::SmtpServer;

/// Short enough for the tests of silence, long enough for a busy machine's answers.
const TIMEOUT: Duration = Duration::from_secs(2);

pub fn message(order_id: u64, to: &str) -> Message {
    let sample = Templates::sample("order_success").unwrap();
    let created_at = Timestamp::from_secs(1_759_816_691);
    let mail = Mail {
        id: MailId(order_id),
        message_id: MessageId(format!("id{order_id}@orders.test")),
        order: Order { id: OrderId(order_id), created_at, ..sample.order },
        queued_at: created_at,
        to: EmailAddress::parse(to).ok(),
        ..sample
    };
    let templates = Templates::load(None, mail::Shop::default()).unwrap();
    Message::compose(&mail, &addresses("Orders <orders@orders.test>"), &templates).unwrap()
}

pub fn addresses(from: &str) -> Addresses {
    Addresses { from: from.parse().unwrap(), reply_to: EmailAddress::parse("hello@shop.test").ok() }
}

pub fn settings(server: &SmtpServer, security: SmtpTls) -> Server {
    Server {
        host: "localhost".to_owned(),
        port: server.port(),
        security,
        ca_file: Some(server.ca_file()),
        credentials: None,
        helo: None,
        timeouts: Timeouts::default(),
    }
}

pub fn transport(server: Server) -> Transport {
    Transport::Smtp(Box::new(Smtp::new(server).unwrap()))
}

pub fn plain(server: &SmtpServer) -> Transport {
    transport(settings(server, SmtpTls::None))
}

pub fn with_short_timeouts(server: &SmtpServer) -> Transport {
    let timeouts = Timeouts {
        connect: TIMEOUT,
        step: TIMEOUT,
        content: TIMEOUT,
        quit: TIMEOUT,
        stop: TIMEOUT,
    };
    transport(Server { timeouts, ..settings(server, SmtpTls::None) })
}

pub fn open(transport: &Transport) -> Session<'_> {
    transport.open(&Stop::new()).unwrap()
}

#[track_caller]
pub fn refused(transport: &Transport) -> String {
    transport.open(&Stop::new()).err().expect("the session must not open").text
}

/// Deferred or refused: it is tried again either way.
#[track_caller]
pub fn assert_deferred(delivery: &Delivery, because: &str) {
    match delivery {
        Delivery::Deferred { text } | Delivery::Refused { text } => {
            assert!(text.contains(because), "{text}")
        }
        other => panic!("{other:?}"),
    }
}
