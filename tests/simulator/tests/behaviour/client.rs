//! A small client of both fakes.

use reqwest::header::HeaderMap;
use serde_json::Value;
use simulator::{AccountSeed, MIRAKL_KEY, PaymentSeed, STRIPE_KEY, Simulator};

/// An answer that has been read.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("a JSON body")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `error.code` of Stripe.
    pub fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// `error.message` of Stripe.
    pub fn message(&self) -> String {
        self.json()["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// A simulator with somebody to call it.
pub struct World {
    pub sim: Simulator,
    http: reqwest::Client,
}

impl World {
    pub async fn new() -> Self {
        Self {
            sim: Simulator::start().await.expect("free ports"),
            http: reqwest::Client::new(),
        }
    }

    pub async fn mirakl(&self, path: &str) -> Reply {
        let url = format!("{}{path}", self.sim.mirakl().url());
        self.get(&url, &[("Authorization", MIRAKL_KEY)])
            .await
            .expect("an answer")
    }

    pub async fn stripe(&self, path: &str) -> Reply {
        self.stripe_as(STRIPE_KEY, path).await
    }

    pub async fn stripe_as(&self, key: &str, path: &str) -> Reply {
        let url = format!("{}{path}", self.sim.stripe().url());
        let bearer = format!("Bearer {key}");
        self.get(&url, &[("Authorization", &bearer)])
            .await
            .expect("an answer")
    }

    pub async fn get(&self, url: &str, headers: &[(&str, &str)]) -> reqwest::Result<Reply> {
        let request = self.http.get(url);
        send(
            headers
                .iter()
                .fold(request, |r, (name, value)| r.header(*name, *value)),
        )
        .await
    }

    /// `POST /v1/transfers` with a form, already encoded.
    pub async fn post(&self, form: &str, headers: &[(&str, &str)]) -> reqwest::Result<Reply> {
        let request = self
            .http
            .post(format!("{}/v1/transfers", self.sim.stripe().url()))
            .bearer_auth(STRIPE_KEY)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        send(
            headers
                .iter()
                .fold(request, |r, (name, value)| r.header(*name, *value)),
        )
        .await
    }

    pub async fn transfer(&self, form: &str) -> Reply {
        self.post(form, &[]).await.expect("an answer")
    }

    pub async fn transfer_with_key(&self, form: &str, key: &str) -> Reply {
        let reply = self.post(form, &[("Idempotency-Key", key)]).await;
        reply.expect("an answer")
    }

    /// A seller and a captured charge of 100 euro.
    pub fn seller_and_charge(&self) -> (String, String) {
        let stripe = self.sim.stripe();
        let seller = stripe.add_account(AccountSeed::new());
        let payment = stripe.pay(PaymentSeed::new(10_000, "eur").basket("C1"));
        (seller, payment.charge)
    }

    /// A seller, and the form of a transfer to it from a charge of 100 euro.
    pub fn ready_transfer(&self, amount: i64) -> (String, String) {
        let (seller, charge) = self.seller_and_charge();
        let form = form(amount, "eur", &seller, &charge);
        (seller, form)
    }
}

/// The form of a transfer from a charge.
pub fn form(amount: i64, currency: &str, seller: &str, charge: &str) -> String {
    format!("amount={amount}&currency={currency}&destination={seller}&source_transaction={charge}")
}

async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    Ok(Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await?,
    })
}
