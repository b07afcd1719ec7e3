use support::app::TestApp;
use support::folder::Folder;
use support::response::Response;

/// The paths that the page names, as a browser at `/console/` understands them.
fn named_in(page: &Response) -> Vec<String> {
    let text = page.text();
    let attributes =
        text.split(['\n', '<']).flat_map(|tag| tag.split(" href=\"").chain(tag.split(" src=\"")));
    let values = attributes.skip(1).filter_map(|rest| rest.split('"').next());
    let files = values.filter(|value| value.ends_with(".js") || value.ends_with(".css"));
    let mut paths: Vec<_> = files.map(|file| format!("/console/{file}")).collect();
    paths.sort();
    paths.dedup();
    paths
}

#[test]
fn the_page_runs_nothing_from_elsewhere_and_nothing_inline() {
    let app = TestApp::start();
    let page = app.get("/console/").send();
    page.assert_status(200);
    page.assert_header("Content-Type", "text/html; charset=utf-8");
    page.assert_header(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    );
    let text = page.text();
    let without_namespace = text.replace("http://www.w3.org/2000/svg", "");
    assert!(!without_namespace.contains("://") && !text.contains("<script>"), "{text}");
    assert!(!text.contains(" style=") && !text.contains('$'), "{text}");
}

#[test]
fn what_the_page_names_is_there_in_both_codings_and_may_be_kept_for_ever() {
    let app = TestApp::start();
    let paths = named_in(&app.get("/console/").send());
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        let zipped = app.get(&path).header("Accept-Encoding", "gzip").send();
        let plain = app.get(&path).send();
        zipped.assert_header("Content-Encoding", "gzip");
        plain.assert_no_header("Content-Encoding");
        assert!(zipped.body.starts_with(&[0x1f, 0x8b]) && zipped.body.len() < plain.body.len());
        for response in [&zipped, &plain] {
            response.assert_status(200);
            response.assert_header("Vary", "Accept-Encoding");
            response.assert_header("Cache-Control", "public, max-age=31536000, immutable");
            response.assert_header("X-Content-Type-Options", "nosniff");
            let kind = if path.ends_with(".js") { "text/javascript" } else { "text/css" };
            response.assert_header("Content-Type", &format!("{kind}; charset=utf-8"));
        }
    }
}

#[test]
fn the_page_itself_is_asked_about_each_time_and_sent_once() {
    let app = TestApp::start();
    let page = app.get("/console/").send();
    page.assert_header("Cache-Control", "no-cache");
    let tag = page.header("ETag").unwrap();
    let again = app.get("/console/").header("If-None-Match", tag).send();
    again.assert_status(304);
    assert!(again.body.is_empty());
}

#[test]
fn a_file_of_another_version_is_this_versions_and_not_kept() {
    let app = TestApp::start();
    let other = app.get("/console/0123456789abcdef/app.js").send();
    other.assert_status(200);
    other.assert_header("Cache-Control", "no-cache");
}

#[test]
fn nothing_else_is_served_from_its_folder() {
    let app = TestApp::start();
    let paths = named_in(&app.get("/console/").send());
    let folder = paths[0].rsplit_once('/').unwrap().0;
    for path in ["/index.html", "/README.md", "/../app.js", "/..%2fapp.js", "/", "/a/app.js"] {
        app.get(&format!("{folder}{path}")).send().assert_detail(404, "Not Found");
    }
    app.get("/console").send().assert_header("Location", "./console/");
}

#[test]
fn without_it_nothing_of_it_is_there() {
    let app = TestApp::start_with(&["--console=off"]);
    for path in ["/console/", "/console/0123456789abcdef/app.js"] {
        app.get(path).send().assert_detail(404, "Not Found");
    }
}

#[test]
fn an_operators_templates_take_no_part_of_it() {
    let folder = Folder::new();
    folder.write("own/console/app.js", "alert(1)");
    folder.write("own/console/index.html", "mine");
    let templates = format!("--templates-dir={}", folder.join("own").display());
    let app = TestApp::start_in(folder, &[&templates]);
    let page = app.get("/console/").send();
    assert!(!page.text().contains("mine"));
    for path in named_in(&page) {
        assert!(!app.get(&path).send().text().contains("alert(1)"), "{path}");
    }
}
