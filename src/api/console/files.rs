//! The console's files, as the binary has them: the page, filled in with what the operator has
//! set, and what lies beside it.
//!
//! Everything but the page lies under a folder that is named after the content of all files. So a
//! browser keeps them for ever, imports of one module by another stay plain relative paths, and no
//! page is ever put together from two versions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::api::media_types::{CSS, JAVASCRIPT};
use crate::config::{Config, ShopUrl, Switch};

const INDEX: &str = include_str!("../../../templates/console/index.html");

/// A file beside the page.
pub struct Asset {
    name: &'static str,
    pub content_type: &'static str,
    pub plain: &'static [u8],
    gzip: OnceLock<Vec<u8>>,
}

macro_rules! assets {
    ($($name:literal: $content_type:ident),* $(,)?) => {
        [$(Asset {
            name: $name,
            content_type: $content_type,
            plain: include_bytes!(concat!("../../../templates/console/", $name)),
            gzip: OnceLock::new(),
        }),*]
    };
}

/// What the page loads first stands first.
static ASSETS: [Asset; 11] = assets![
    "app.css": CSS,
    "app.js": JAVASCRIPT,
    "page.js": JAVASCRIPT,
    "ui.js": JAVASCRIPT,
    "api.js": JAVASCRIPT,
    "format.js": JAVASCRIPT,
    "orders.js": JAVASCRIPT,
    "order.js": JAVASCRIPT,
    "new_order.js": JAVASCRIPT,
    "people.js": JAVASCRIPT,
    "machines.js": JAVASCRIPT,
];

/// The page, with what the operator has set.
pub struct Console {
    pub page: Vec<u8>,
    pub gzip: Vec<u8>,
    pub tag: String,
}

impl Console {
    /// None where the operator wants none.
    pub fn new(config: &Config) -> Option<Console> {
        if config.console == Switch::Off {
            return None;
        }
        let url = config.shop_url.as_ref().map_or("", ShopUrl::as_str);
        let (shop, zone) = (config.shop_name.as_str(), config.time_zone.name());
        let page = fill(INDEX, shop, url, zone).into_bytes();
        let tag = format!("\"{}\"", hash_of([&page[..]]));
        Some(Console { gzip: zip(&page), page, tag })
    }
}

impl Asset {
    pub fn find(name: &str) -> Option<&'static Asset> {
        ASSETS.iter().find(|asset| asset.name == name)
    }

    /// Zipped at the first request for it.
    pub fn gzip(&'static self) -> &'static [u8] {
        self.gzip.get_or_init(|| zip(self.plain))
    }
}

/// The name of this version's folder: a hash of all that is in it.
pub fn release() -> &'static str {
    static RELEASE: OnceLock<String> = OnceLock::new();
    RELEASE.get_or_init(|| hash_of(ASSETS.iter().map(|asset| asset.plain)))
}

fn hash_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = DefaultHasher::new();
    parts.into_iter().for_each(|part| part.hash(&mut hasher));
    format!("{:016x}", hasher.finish())
}

/// What can't be zipped (there is no such thing) is empty, which a test would see.
fn zip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// The shop's name comes last, so that nothing in it is filled in again.
fn fill(page: &str, shop: &str, url: &str, zone: &str) -> String {
    let scripts = ASSETS.iter().filter(|asset| asset.content_type == JAVASCRIPT);
    let preloads = scripts
        .map(|asset| format!("<link rel=\"modulepreload\" href=\"$RELEASE/{}\">", asset.name))
        .collect::<Vec<_>>()
        .join("\n");
    page.replace("$PRELOAD", &preloads)
        .replace("$RELEASE", release())
        .replace("$ZONE", &escaped(zone))
        .replace("$URL", &escaped(url))
        .replace("$SHOP", &escaped(shop))
}

/// For the text of an element and for a quoted attribute.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, char| {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_under_sixty_kilobytes() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.plain.len()).sum();
        assert!(bytes + INDEX.len() < 60 * 1024, "{}", bytes + INDEX.len());
    }

    #[test]
    fn no_line_of_it_is_over_120_columns() {
        let files = ASSETS.iter().map(|asset| (asset.name, asset.plain));
        for (name, text) in files.chain([("index.html", INDEX.as_bytes())]) {
            let lines = std::str::from_utf8(text).unwrap().lines();
            for (number, line) in (1..).zip(lines) {
                let columns = line.replace('\t', "    ").chars().count();
                assert!(columns <= 120, "{name}:{number} has {columns}");
            }
        }
    }

    #[test]
    fn a_shops_name_is_text_whatever_is_in_it() {
        let page = fill("<b title=\"$SHOP\">$ZONE</b>", "\"><script>$ZONE&'", "", "UTC");
        assert_eq!(page, "<b title=\"&quot;&gt;&lt;script&gt;$ZONE&amp;&#39;\">UTC</b>");
    }

    #[test]
    fn every_module_that_is_imported_is_there_and_every_one_there_is_imported() {
        let scripts: Vec<_> = ASSETS.iter().filter(|it| it.name.ends_with(".js")).collect();
        let text = |asset: &Asset| std::str::from_utf8(asset.plain).unwrap().to_owned();
        let imports: Vec<String> = scripts
            .iter()
            .flat_map(|script| {
                let text = text(script);
                let paths = text.lines().filter_map(|line| line.split_once(" from './"));
                paths.map(|(_, path)| path.replace('\'', "")).collect::<Vec<_>>()
            })
            .collect();
        for import in &imports {
            assert!(scripts.iter().any(|script| script.name == *import), "{import}");
        }
        for script in &scripts {
            let is_known = script.name == "app.js" || imports.iter().any(|it| *it == script.name);
            assert!(is_known, "{}", script.name);
        }
    }
}
