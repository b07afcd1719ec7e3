//! Settings on the command line.

use clap::error::Error;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::setting::Setting;
use super::settings::SETTINGS;

/// The flags that were given, with their texts as they are.
#[derive(Clone, Debug, Default)]
pub struct Flags(Vec<(&'static str, String)>);

impl Flags {
    /// As if this flag alone had been given.
    pub fn one(name: &'static str, text: &str) -> Flags {
        Flags(vec![(name, text.to_owned())])
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_str()))
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let flags = SETTINGS.iter().filter(|setting| setting.is_flag);
        flags
            .fold(command, |command, setting| command.arg(argument(setting)))
            .after_help(no_flags())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Flags, Error> {
        let mut flags = Flags::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let flags = SETTINGS.iter().filter(|setting| setting.is_flag);
        let given = flags.filter_map(|setting| {
            let text = matches.get_one::<String>(setting.name)?;
            Some((setting.name, text.clone()))
        });
        self.0.extend(given);
        Ok(())
    }
}

/// Where a setting can come from, if not from a flag.
fn no_flags() -> String {
    let hidden = SETTINGS.iter().filter(|setting| !setting.is_flag);
    let entries =
        hidden.map(|setting| format!("  {}\n          {}", setting.name, setting.describe()));
    let entries = entries.collect::<Vec<_>>().join("\n");
    format!(
        "Variables that are no flags, since every user of the host can read those:\n{entries}\n\n\
         Each setting can be a variable, or a line in .env.dev (.env.prod in production); only\n\
         ENVIRONMENT, which chooses the file, can't be in it. A flag wins over a variable, and \
         a\nvariable over the file. `orderd config` shows what counts."
    )
}

fn argument(setting: &Setting) -> Arg {
    let flag = setting.flag();
    Arg::new(setting.name)
        .long(flag.trim_start_matches('-').to_owned())
        .value_name(setting.name)
        .help(setting.describe())
        .help_heading(setting.group)
}
