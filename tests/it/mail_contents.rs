//! What a mail holds, however much failed and whatever the texts from outside say.

use crate::support::World;
use crate::support::smtp::Parsed;

/// Rows of the attached file, without its header.
fn rows(mail: &Parsed) -> Vec<Vec<String>> {
    assert_eq!(mail.attachments.len(), 1);
    let (name, content) = &mail.attachments[0];
    assert_eq!(name, "failed-operations.csv");
    let content = content
        .strip_prefix(b"\xef\xbb\xbf")
        .expect("a mark of UTF-8");
    let mut reader = csv::Reader::from_reader(content);
    assert_eq!(reader.headers().unwrap().len(), 13);
    let records = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    records.collect()
}

#[tokio::test]
async fn thousands_of_failures_give_a_mail_that_one_can_read_and_a_file_with_all_of_them() {
    let (world, smtp) = World::with_mails().await;
    world.failed_transfers(5000).await;
    let run = world.notify().await.exits(0);
    let mail = smtp.one().parsed();
    // 100 n + n (n + 1) / 2 cents, of which the even ones are 6252500 / 100 and so on.
    for text in [&mail.text, &run.stdout] {
        for shown in [
            "5000 transfers failed: 130025.00 EUR",
            "50 of 5000 are shown: the oldest and the largest",
            "2500 × account_closed: 65000.00 EUR",
            "2500 × balance_insufficient: 65025.00 EUR",
            "reason 1",
            "reason 25",
            "reason 4976",
            "reason 5000",
        ] {
            assert!(text.contains(shown), "{shown} in {text}");
        }
        for hidden in ["reason 26\n", "reason 4975", "C2500-A"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
    assert_eq!(mail.html.matches("<tr>").count(), 51);
    assert!(mail.html.len() < 60_000, "{}", mail.html.len());
    let rows = rows(&mail);
    assert_eq!(rows.len(), 5000);
    assert_eq!(&rows[0][..3], ["transfer", "1", "C1-A"]);
    assert_eq!(&rows[0][6..9], ["1.01", "EUR", "Stripe refused: reason 1"]);
    assert_eq!(rows[4999][6], "51.00");
    let told = world.notify_json().await;
    assert_eq!(told["transfers"].as_array().unwrap().len(), 5000);
}

#[tokio::test]
async fn a_text_from_outside_is_text_and_nothing_else() {
    let (world, smtp) = World::with_mails().await;
    let evil = "</td><script>alert(1)</script><img src=http://x.example/?a=1>\r\nBcc: victim@example.com\r\n\r\n.\r\nQUIT\u{202e} & \"quoted\"";
    world
        .failed_with("=HYPERLINK(\"http://x.example\")", evil)
        .await;
    world
        .failed_with("C1\r\nX-Evil: 1", "+cmd|' /C calc'!A0")
        .await;
    world.failed_with("@SUM(1)", "-2+3").await;
    let run = world.notify().await.exits(0);
    let taken = smtp.one();
    assert_eq!(taken.to, ["ops@example.com"]);
    let mail = taken.parsed();
    for header in ["Bcc", "X-Evil"] {
        assert!(!mail.headers.contains(header), "{}", mail.headers);
    }
    for tag in ["<script", "<img", "</td><s", "<a"] {
        assert!(!mail.html.contains(tag), "{tag} in {}", mail.html);
    }
    assert!(
        mail.html.contains("&#60;script&#62;alert(1)"),
        "{}",
        mail.html
    );
    for text in [&mail.text, &run.stdout] {
        assert!(
            !text.contains('\u{202e}') && !text.contains('\u{1b}'),
            "{text}"
        );
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("Bcc") || line == "QUIT" || line == "."),
            "{text}"
        );
        assert!(text.contains("<script>alert(1)"), "{text}");
    }
    for row in rows(&mail) {
        for cell in row {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{cell}"
            );
            assert!(!cell.contains(['\r', '\n']), "{cell}");
        }
    }
}

#[tokio::test]
async fn the_html_fetches_nothing_and_the_text_fits_a_terminal() {
    let (world, smtp) = World::with_mails().await;
    let long = "a rather long reason that goes on and on ".repeat(30);
    world.failed_with("L1-A", &long).await;
    world.failed_transfers(3).await;
    world.notify().await.exits(0);
    let mail = smtp.one().parsed();
    for remote in [
        "http://", "https://", "url(", "<link", "<script", "@import", "<img",
    ] {
        assert!(!mail.html.contains(remote), "{remote}");
    }
    assert!(mail.html.contains("name=\"viewport\""));
    for line in mail.text.lines() {
        assert!(line.chars().count() <= 78, "{line}");
    }
    let shown = mail.text.matches("on and on").count();
    assert!(shown < 10, "a reason is cut: {}", mail.text);
}

#[tokio::test]
async fn amounts_are_shown_with_the_decimals_of_their_currency_and_never_mixed() {
    let (world, smtp) = World::with_mails().await;
    world.failed_transfers(3).await;
    world
        .sql(
            "update transfers set currency = 'JPY', amount = 500 where mirakl_id = 'C1-A';
              update transfers set currency = 'KWD', amount = 1230 where mirakl_id = 'C2-A'",
        )
        .await;
    world.notify().await.exits(0);
    let mail = smtp.one().parsed();
    for shown in [
        "3 transfers failed: 1.03 EUR, 500 JPY, 1.230 KWD",
        "2000: 500 JPY",
        "2000: 1.230 KWD",
    ] {
        assert!(mail.text.contains(shown), "{shown} in {}", mail.text);
    }
    let amounts: Vec<String> = rows(&mail).iter().map(|row| row[6..8].join(" ")).collect();
    assert_eq!(amounts, ["500 JPY", "1.230 KWD", "1.03 EUR"]);
}
