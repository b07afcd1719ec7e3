//! The figures of an order against a second way to compute them: exact fractions.

use serde_json::{Value, json};

use super::shop::{Shop, assert_fault_at, assert_faults, faults, pizza, with};

/// What any figure of an order is at most, in minor units.
const MAX: i128 = 999_999_999_999;
const ORDERS: usize = 400;

/// Quantity and rate in thousandths, money in minor units.
#[derive(Clone, Copy, Debug)]
struct Line {
    quantity: i128,
    price: i128,
    discount: i128,
    rate: i128,
}

/// Subtotal, tax and total.
type Figures = (i128, i128, i128);

/// Rounds a fraction that is not negative half up.
fn rounded(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    if rest * 2 >= denominator { whole + 1 } else { whole }
}

impl Line {
    fn subtotal(self) -> i128 {
        rounded(self.price * self.quantity, 1_000)
    }

    fn figures(self, prices_include_tax: bool) -> Figures {
        let net = self.subtotal() - self.discount;
        // net × (rate / 1000) / 100, or net × (rate / 1000) / (100 + rate / 1000).
        if prices_include_tax {
            (self.subtotal(), rounded(net * self.rate, 100_000 + self.rate), net)
        } else {
            let tax = rounded(net * self.rate, 100_000);
            (self.subtotal(), tax, net + tax)
        }
    }

    fn json(self) -> String {
        format!(
            "{{\"name\":\"x\",\"quantity\":{},\"unit_price\":{},\"discount\":{},\"tax_rate\":{}}}",
            decimal(self.quantity),
            self.price,
            self.discount,
            decimal(self.rate)
        )
    }
}

fn decimal(thousandths: i128) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

fn up_to(random: &mut fastrand::Rng, max: i128) -> i128 {
    i128::from(random.u64(0..=u64::try_from(max).unwrap()))
}

/// Of any magnitude, often one at which rounding goes by a half.
fn random_line(random: &mut fastrand::Rng) -> Line {
    let quantity = match random.u8(0..4) {
        0 => 1_000 * (1 + up_to(random, 20)),
        1 => 500 * (1 + up_to(random, 9)),
        2 => 1 + up_to(random, 10_000),
        _ => 1 + up_to(random, 99_999_998),
    };
    let most = (MAX / 100 * 1_000 / quantity).min(MAX);
    let price = match random.u8(0..3) {
        0 => up_to(random, 20),
        1 => up_to(random, 20_000),
        _ => up_to(random, most),
    };
    let rate = match random.u8(0..4) {
        0 => random.choice([0, 7_000, 19_000, 20_000, 5_500, 8_875, 100_000]).unwrap(),
        1 => 500 * up_to(random, 200),
        _ => up_to(random, 100_000),
    };
    let line = Line { quantity, price: price.min(most), discount: 0, rate };
    let discount = match random.u8(0..3) {
        0 => 0,
        1 => line.subtotal(),
        _ => up_to(random, line.subtotal()),
    };
    Line { discount, ..line }
}

fn body(lines: &[Line], prices_include_tax: bool) -> String {
    let lines: Vec<String> = lines.iter().map(|line| line.json()).collect();
    format!(
        "{{\"currency\":\"EUR\",\"prices_include_tax\":{prices_include_tax},\"line_items\":[{}]}}",
        lines.join(",")
    )
}

#[track_caller]
fn assert_figures(order: &Value, lines: &[Line], prices_include_tax: bool, why: &str) {
    let printed = order["line_items"].as_array().unwrap();
    assert_eq!(printed.len(), lines.len(), "{why}: {order}");
    let mut sums = [0; 4];
    for (line, printed) in lines.iter().zip(printed) {
        let (subtotal, tax, total) = line.figures(prices_include_tax);
        let found = ["subtotal", "tax", "total"].map(|key| printed[key].as_i64().map(i128::from));
        assert_eq!(found, [subtotal, tax, total].map(Some), "{why}: {line:?}: {printed}");
        for (sum, part) in sums.iter_mut().zip([subtotal, line.discount, tax, total]) {
            *sum += part;
        }
    }
    let names = ["subtotal", "discount_total", "tax_total", "total"];
    let found = names.map(|key| order[key].as_i64().map(i128::from));
    assert_eq!(found, sums.map(Some), "{why}: {order}");
}

#[test]
fn random_orders_have_the_figures_of_exact_fractions() {
    let given = std::env::var("ARITHMETIC_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    let why = format!("run it again with ARITHMETIC_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let shop = Shop::open();
    for _ in 0..ORDERS {
        let count = random.usize(1..=6);
        let lines: Vec<Line> = (0..count).map(|_| random_line(&mut random)).collect();
        let prices_include_tax = random.bool();
        let response = shop.create_text(&shop.ann, body(&lines, prices_include_tax));
        assert_eq!(response.status, 200, "{why}: {lines:?}: {}", response.text());
        assert_figures(&response.json(), &lines, prices_include_tax, &why);
    }
}

#[test]
fn a_half_is_rounded_up() {
    let shop = Shop::open();
    // Thousandths, price, rate, whether the price includes tax; subtotal, tax, total.
    for (quantity, price, rate, included, expected) in [
        (500, 1, 0, false, (1, 0, 1)),
        (500, 3, 0, false, (2, 0, 2)),
        (499, 1, 0, false, (0, 0, 0)),
        (1_000, 50, 1_000, false, (50, 1, 51)),
        (1_000, 49, 1_000, false, (49, 0, 49)),
        (1_000, 150, 1_000, false, (150, 2, 152)),
        (1_000, 3, 100_000, true, (3, 2, 3)),
        (1_000, 1, 100_000, true, (1, 1, 1)),
        (1_000, 107, 7_000, true, (107, 7, 107)),
        (1_000, 100, 7_000, true, (100, 7, 100)),
        (333, 1_000, 19_000, false, (333, 63, 396)),
    ] {
        let line = Line { quantity, price, discount: 0, rate };
        assert_eq!(line.figures(included), expected, "the test's own arithmetic");
        let order = shop.create_text(&shop.ann, body(&[line], included)).good();
        assert_figures(&order, &[line], included, "by hand");
    }
}

#[test]
fn an_order_s_figures_are_sums_of_rounded_lines() {
    let shop = Shop::open();
    // 7 % of 10 is 0.7 a line: 1 each, so 3, though 7 % of 30 is 2.1.
    let line = Line { quantity: 1_000, price: 10, discount: 0, rate: 7_000 };
    let order = shop.create_text(&shop.ann, body(&[line; 3], false)).good();
    assert_eq!((&order["tax_total"], &order["total"]), (&json!(3), &json!(33)));
    // Half a cent each: 1 each, so 3, though the half of 3 is 1.5.
    let half = Line { quantity: 500, price: 1, discount: 0, rate: 0 };
    let order = shop.create_text(&shop.ann, body(&[half; 3], false)).good();
    assert_eq!((&order["subtotal"], &order["total"]), (&json!(3), &json!(3)));
}

#[test]
fn a_discount_goes_up_to_the_line_s_rounded_subtotal() {
    let shop = Shop::open();
    let line = |discount| Line { quantity: 500, price: 3, discount, rate: 7_000 };
    for discount in [0, 1, 2] {
        let order = shop.create_text(&shop.ann, body(&[line(discount)], false)).good();
        assert_figures(&order, &[line(discount)], false, "within the subtotal");
    }
    let response = shop.create_text(&shop.ann, body(&[line(0), line(3)], false));
    assert_fault_at(&response, "/line_items/1/discount");
    let free = json!({"line_items": [{"name": "x", "discount": 1}]});
    assert_fault_at(&shop.create(&shop.ann, &free), "/line_items/0/discount");
}

fn dear(quantity: i128, price: i128, discount: i128, rate: i128) -> Line {
    Line { quantity, price, discount, rate }
}

#[test]
fn the_largest_figures_are_taken() {
    let shop = Shop::open();
    for (lines, included) in [
        (vec![dear(1_000, MAX, 0, 0)], false),
        (vec![dear(1_000, MAX, 0, 100_000)], true),
        (vec![dear(1_000, MAX, MAX, 100_000)], false),
        (vec![dear(99_999_999, 10_000_000, 0, 0)], false),
        (vec![dear(1_000, MAX - 1, 0, 0), dear(1_000, 1, 0, 0)], false),
        (vec![dear(1, MAX, 0, 0)], false),
    ] {
        let order = shop.create_text(&shop.ann, body(&lines, included)).good();
        assert_figures(&order, &lines, included, "at the bound");
    }
    let largest = body(&[dear(1_000, MAX, 0, 0)], false);
    let believed = largest.replacen('{', &format!("{{\"total\":{MAX},"), 1);
    assert_eq!(shop.create_text(&shop.ann, believed).good()["total"], json!(999_999_999_999_u64));
}

#[test]
fn a_line_s_figure_beyond_the_bound_is_told_at_its_price() {
    let shop = Shop::open();
    for line in [
        dear(2_000, MAX, 0, 0),
        dear(1_001, MAX, 0, 0),
        dear(99_999_999, MAX, 0, 100_000),
        dear(2_000, MAX, MAX, 0),
        dear(1_000, MAX, 0, 100_000),
        dear(1_000, MAX, 0, 1),
        dear(1_000, 500_000_000_000, 0, 100_000),
    ] {
        let cheap = dear(1_000, 1, 0, 0);
        let response = shop.create_text(&shop.ann, body(&[cheap, line], false));
        assert_faults(&response, &[("value_error", "/line_items/1/unit_price")]);
    }
}

#[test]
fn an_order_s_figure_beyond_the_bound_is_told_at_its_lines() {
    let shop = Shop::open();
    for lines in [
        vec![dear(1_000, MAX, 0, 0), dear(1_000, 1, 0, 0)],
        vec![dear(1_000, MAX, 0, 0); 100],
        // The total would fit, the subtotal does not.
        vec![dear(1_000, MAX, MAX, 0); 2],
        // The subtotal would fit, the total does not.
        vec![dear(1_000, 300_000_000_000, 0, 100_000); 2],
    ] {
        let response = shop.create_text(&shop.ann, body(&lines, false));
        assert_faults(&response, &[("value_error", "/line_items")]);
    }
    assert_eq!(shop.listed(&shop.ann, ""), [] as [u64; 0]);
}

#[test]
fn a_client_s_wrong_total_is_told_ours() {
    let shop = Shop::open();
    for total in [0, 1899, 1901, 2033] {
        let response = shop.create(&shop.ann, &with(&pizza(), "/total", total));
        assert_fault_at(&response, "/total");
        let message = faults(&response)[0]["msg"].as_str().unwrap().to_owned();
        assert!(message.contains("1900"), "{message}");
    }
    let order = shop.place(&shop.ann, &with(&pizza(), "/total", 1900));
    assert_eq!(order["total"], 1900);
}

#[test]
fn the_total_is_checked_when_nothing_else_is_at_fault() {
    let shop = Shop::open();
    let wrong = with(&pizza(), "/total", 5);
    for (pointer, value) in
        [("/note", json!(5)), ("/line_items/0/name", json!("")), ("/metadata", json!({"a": 1}))]
    {
        let found = faults(&shop.create(&shop.ann, &with(&wrong, pointer, value)));
        assert!(found.iter().all(|fault| fault["loc"][1] != "total"), "{found:?}");
    }
    let lines = body(&[dear(1_000, MAX, 0, 0); 2], false);
    let response = shop.create_text(&shop.ann, lines.replacen('{', "{\"total\":1,", 1));
    assert_faults(&response, &[("value_error", "/line_items")]);
}

#[test]
fn free_lines_of_any_currency_cost_nothing() {
    let shop = Shop::open();
    let body = json!({"line_items": [{"name": "x", "quantity": 99999.999, "tax_rate": 100}]});
    for body in [body.clone(), with(&body, "/currency", "JPY"), with(&body, "/total", 0)] {
        let order = shop.place(&shop.ann, &body);
        let keys = ["subtotal", "discount_total", "tax_total", "total"];
        assert!(keys.iter().all(|key| order[key] == 0), "{order}");
    }
}
