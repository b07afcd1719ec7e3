//! `orderd mail-test`: one mail through the settings, and the conversation about it.

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::auth::random_hex;
use crate::clock::Clock;
use crate::config::{Config, Flags, Settings};
use crate::domain::{EmailAddress, Mail, MailKind, MessageId};
use crate::mail::{Delivery, Mailer, Templates, Transcript};
use crate::sys::stop::Stop;

use super::error::{CommandError, failed};
use super::output::{say, warn};

#[derive(Debug, Args)]
pub struct MailTestArgs {
    /// Who gets the mail
    #[arg(value_parser = address)]
    address: EmailAddress,
    /// The template that it is made of, with sample data; TEMPLATES_DIR counts
    #[arg(long, default_value = MailKind::NAMES[0],
          value_parser = PossibleValuesParser::new(MailKind::NAMES))]
    template: String,
}

fn address(text: &str) -> Result<EmailAddress, &'static str> {
    EmailAddress::parse(text).map_err(|_| "it is no email address")
}

/// # Errors
/// The mail was not taken: exit code 1.
pub fn run(args: MailTestArgs) -> Result<(), CommandError> {
    let settings = Settings::load(&Flags::default()).map_err(CommandError::Setting)?;
    warn(&settings.warnings);
    let config = &settings.config;
    let mailer = Mailer::new(config);
    let mut mailer =
        mailer.map_err(|unusable| CommandError::Setting(settings.refuse(&unusable)))?;
    mailer.transport.show_to(Transcript::to(|line| {
        // A closed output changes nothing of what is sent.
        let _ = say(line);
    }));
    let mail = sample(&args, config)?;
    say(&destination(config))?;
    let session = mailer.transport.open(&Stop::new());
    let mut session = session.map_err(|unopened| failed(unopened.text))?;
    let delivery = mailer.deliver(&mut session, &mail);
    session.close();
    match delivery {
        Delivery::Delivered => say("the mail was taken"),
        Delivery::Rejected { text, .. }
        | Delivery::Undeliverable { text }
        | Delivery::Unclear { text, .. }
        | Delivery::Refused { text }
        | Delivery::Deferred { text } => Err(failed(format!("the mail was not taken: {text}"))),
    }
}

/// A sample of its kind, to that address, under a Message-ID of its own.
fn sample(args: &MailTestArgs, config: &Config) -> Result<Mail, CommandError> {
    let kind = &args.template;
    let mail = Templates::sample(kind).ok_or_else(|| failed(format!("{kind} is no template")))?;
    let random = random_hex::<16>().map_err(failed)?;
    Ok(Mail {
        message_id: MessageId(format!("{random}@{}", config.email_from.domain())),
        queued_at: Clock::system().now(),
        to: Some(args.address.clone()),
        ..mail
    })
}

fn destination(config: &Config) -> String {
    match &config.smtp_server {
        Some(server) => format!("to {server}, port {}", config.smtp_port),
        None => {
            let folder = config.mail_dir.display();
            format!("SMTP_SERVER is not set: the mail becomes a file in {folder}")
        }
    }
}
