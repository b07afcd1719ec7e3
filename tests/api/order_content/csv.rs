//! Orders with content as CSV: four columns as ever, or all of them.

use serde_json::json;

use support::response::Response;

use super::shop::{START, Shop, full, id, pizza, with};

const OLD: &str = "id,user_id,success,created_at";
const FULL: &str = "id,user_id,created_at,status,reference_id,currency,subtotal,discount_total,\
                    tax_total,total,payment_status,amount_paid,amount_refunded,customer_name,\
                    customer_email,customer_phone";

/// 200 and CSV.
#[track_caller]
fn csv(response: &Response) -> String {
    response.assert_status(200);
    let kind = response.header("Content-Type").expect("a content type");
    assert!(kind.starts_with("text/csv"), "{kind}");
    response.text()
}

/// The rows of an RFC 4180 text, whose lines end with CR LF.
#[track_caller]
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut rest = text.chars().peekable();
    while let Some(it) = rest.next() {
        match (it, quoted) {
            ('"', true) if rest.peek() == Some(&'"') => cell.extend(rest.next()),
            ('"', _) => {
                assert!(quoted || cell.is_empty(), "a quote amid a cell: {text:?}");
                quoted = !quoted;
            }
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\r', false) => {
                assert_eq!(rest.next(), Some('\n'), "{text:?}");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            ('\n', false) => panic!("a bare line feed: {text:?}"),
            (other, _) => cell.push(other),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "no end of a line: {text:?}");
    rows
}

#[track_caller]
fn full_rows(shop: &Shop, token: &str, query: &str) -> Vec<Vec<String>> {
    let target = format!("/orders/?format=csv&columns=full{query}");
    let all = rows(&csv(&shop.app.read(token, &target)));
    assert_eq!(all[0].join(","), FULL);
    assert!(all.iter().all(|row| row.len() == 16), "{all:?}");
    all[1..].to_vec()
}

#[test]
fn the_four_columns_stay_and_success_follows_the_status() {
    let shop = Shop::open();
    shop.place(&shop.ann, &full());
    shop.place(&shop.ann, &json!({"success": false}));
    shop.pizza_in("completed");
    shop.pizza_in("canceled");
    let text = csv(&shop.app.read(&shop.admin, "/orders/?format=csv"));
    let expected = format!(
        "{OLD}\r\n1,2,true,{START}\r\n2,2,false,{START}\r\n3,2,true,{START}\r\n\
         4,2,false,{START}\r\n"
    );
    assert_eq!(text, expected);
    let accepting = shop.app.get("/orders/").bearer(&shop.admin).header("Accept", "text/csv");
    assert_eq!(csv(&accepting.send()), expected);
}

#[test]
fn all_columns_come_when_asked_for() {
    let shop = Shop::open();
    shop.place(&shop.ann, &with(&full(), "/reference_id", "A-17"));
    shop.pay(1, 900).good();
    shop.refund(1, 100).good();
    shop.set_status(&shop.admin, 1, "ready").good();
    let expected = [
        "1",
        "2",
        START,
        "ready",
        "A-17",
        "EUR",
        "1425",
        "25",
        "98",
        "1400",
        "partially_refunded",
        "900",
        "100",
        "Ada Lovelace",
        "ada@example.com",
        "'+49 30 1234",
    ];
    assert_eq!(full_rows(&shop, &shop.admin, ""), [expected]);
    assert_eq!(full_rows(&shop, &shop.ann, "&limit=5"), [expected]);
    let accepting = shop.app.get("/orders/?columns=full").bearer(&shop.ann);
    let text = csv(&accepting.header("Accept", "text/csv").send());
    assert_eq!(rows(&text)[1], expected);
}

#[test]
fn what_is_null_is_empty() {
    let shop = Shop::open();
    shop.place(&shop.ann, &json!({"line_items": [{"name": "Chat"}]}));
    let expected =
        ["1", "2", START, "pending", "", "", "0", "0", "0", "0", "paid", "0", "0", "", "", ""];
    assert_eq!(full_rows(&shop, &shop.ann, ""), [expected]);
}

#[test]
fn a_simple_order_has_empty_cells() {
    let shop = Shop::open();
    shop.place(&shop.ann, &json!({"success": true}));
    shop.place(&shop.ann, &json!({"success": false}));
    for (number, row) in (1..).zip(full_rows(&shop, &shop.ann, "")) {
        assert_eq!(row[..3], [number.to_string(), "2".to_owned(), START.to_owned()]);
        assert!(row[4..].iter().all(String::is_empty), "{row:?}");
    }
}

#[test]
fn a_text_that_a_spreadsheet_would_compute_is_made_harmless() {
    let shop = Shop::open();
    for text in ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "=\"a\",b"] {
        let customer = json!({"name": text, "phone": text});
        let body = with(&pizza(), "/customer", customer);
        id(&shop.place(&shop.ann, &body));
        let row = full_rows(&shop, &shop.ann, "&order=desc&limit=1")[0].clone();
        assert_eq!((row[13].clone(), row[15].clone()), (format!("'{text}"), format!("'{text}")));
    }
    for email in ["=1@example.com", "+1@example.com", "-1@example.com"] {
        shop.place(&shop.ann, &with(&pizza(), "/customer", json!({ "email": email })));
        let row = full_rows(&shop, &shop.ann, "&order=desc&limit=1")[0].clone();
        assert_eq!(row[14], format!("'{email}"));
    }
    for reference in ["=1+1", "-5", "+5", "@x"] {
        shop.place(&shop.ann, &with(&pizza(), "/reference_id", reference));
        let row = full_rows(&shop, &shop.ann, "&order=desc&limit=1")[0].clone();
        assert_eq!(row[4], format!("'{reference}"));
    }
    for harmless in ["a=1", "1-1", "'=1", "1", "A-17"] {
        let customer = json!({ "name": harmless });
        shop.place(&shop.ann, &with(&pizza(), "/customer", customer));
        let row = full_rows(&shop, &shop.ann, "&order=desc&limit=1")[0].clone();
        assert_eq!(row[13], harmless);
    }
}

#[test]
fn commas_quotes_and_other_scripts_come_back_as_they_were() {
    let shop = Shop::open();
    for text in ["a,b", "a\"b", "\"", "\"quoted\"", "a;b", "שלום", "🍕, 🍝", "ä\"\"ö,", "x'y"]
    {
        shop.place(&shop.ann, &with(&pizza(), "/customer", json!({ "name": text })));
        let row = full_rows(&shop, &shop.ann, "&order=desc&limit=1")[0].clone();
        assert_eq!(row[13], text);
    }
}

#[test]
fn the_same_filters_and_pages_hold() {
    let shop = Shop::open();
    for number in 0..6 {
        let token = if number % 2 == 0 { &shop.ann } else { &shop.ben };
        shop.place(token, &with(&pizza(), "/customer", json!({"name": format!("Ada {number}")})));
    }
    shop.set_status(&shop.admin, 2, "ready").good();
    let found = |token: &str, query: &str| -> Vec<String> {
        full_rows(&shop, token, query).iter().map(|row| row[0].clone()).collect()
    };
    assert_eq!(found(&shop.admin, "&status=ready"), ["2"]);
    assert_eq!(found(&shop.admin, "&q=ada&user_id=2"), ["1", "3", "5"]);
    assert_eq!(found(&shop.ben, "&order=desc"), ["6", "4", "2"]);
    let page = shop.app.read(&shop.admin, "/orders/?format=csv&columns=full&limit=2&after=2");
    assert_eq!(rows(&csv(&page)).len(), 3);
    page.assert_header("Link", "<?format=csv&columns=full&limit=2&after=4>; rel=\"next\"");
}

#[test]
fn a_long_export_comes_whole() {
    let shop = Shop::open();
    crate::orders_list::seed(&shop.app, 2, 1_500);
    let name = "a \"name\", with all that needs care";
    let placed = shop.place(&shop.ann, &with(&pizza(), "/customer", json!({ "name": name })));
    let all = full_rows(&shop, &shop.admin, "");
    assert_eq!(all.len(), 1_501);
    let last = all.iter().find(|row| row[0] == id(&placed).to_string()).unwrap();
    assert_eq!((last[13].as_str(), last[9].as_str()), (name, "1900"));
}
