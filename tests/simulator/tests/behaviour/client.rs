//! A small client of both fakes.

use reqwest::header::HeaderMap;
use serde_json::Value;
use simulator::{Account, AccountSeed, MIRAKL_KEY, PaymentSeed, STRIPE_KEY, Simulator};

/// The form of an account for shop 2000.
pub const EXPRESS: &str = "type=express&country=FR&capabilities[transfers][requested]=true\
    &settings[payouts][schedule][interval]=manual\
    &settings[payouts][debit_negative_balances]=false&metadata[miraklShopId]=2000";

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

    /// `PUT /api/shops` with a body.
    pub async fn put_shops(&self, body: &str) -> reqwest::Result<Reply> {
        let request = self
            .http
            .put(format!("{}/api/shops", self.sim.mirakl().url()))
            .header("Authorization", MIRAKL_KEY)
            .header("Content-Type", "application/json")
            .body(body.to_owned());
        send(request).await
    }

    /// A PUT of JSON to Mirakl.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        let sent = self.try_put(path, body).await;
        sent.expect("an answer")
    }

    pub async fn try_put(&self, path: &str, body: &Value) -> reqwest::Result<Reply> {
        let request = self
            .http
            .put(format!("{}{path}", self.sim.mirakl().url()))
            .header("Authorization", MIRAKL_KEY)
            .header("Content-Type", "application/json")
            .body(body.to_string());
        send(request).await
    }

    /// `POST /v1/transfers` with a form, already encoded.
    pub async fn post(&self, form: &str, headers: &[(&str, &str)]) -> reqwest::Result<Reply> {
        self.post_as(STRIPE_KEY, "transfers", form, headers).await
    }

    /// A POST to Stripe.
    pub async fn post_as(
        &self,
        key: &str,
        kind: &str,
        form: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Reply> {
        let request = self
            .http
            .post(format!("{}/v1/{kind}", self.sim.stripe().url()))
            .bearer_auth(key)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        send(
            headers
                .iter()
                .fold(request, |r, (name, value)| r.header(*name, *value)),
        )
        .await
    }

    /// A POST to Stripe that has an answer.
    pub async fn make(&self, kind: &str, form: &str) -> Reply {
        let reply = self.post_as(STRIPE_KEY, kind, form, &[]).await;
        reply.expect("an answer")
    }

    pub async fn make_with_key(&self, kind: &str, form: &str, key: &str) -> Reply {
        let headers = [("Idempotency-Key", key)];
        let reply = self.post_as(STRIPE_KEY, kind, form, &headers).await;
        reply.expect("an answer")
    }

    /// A GET from Stripe for a connected account.
    pub async fn stripe_for(&self, account: &str, path: &str) -> Reply {
        let url = format!("{}{path}", self.sim.stripe().url());
        let bearer = format!("Bearer {STRIPE_KEY}");
        let headers = [("Authorization", &*bearer), ("Stripe-Account", account)];
        self.get(&url, &headers).await.expect("an answer")
    }

    /// A POST to Stripe for a connected account that has an answer.
    pub async fn make_for(&self, account: &str, kind: &str, form: &str) -> Reply {
        let headers = [("Stripe-Account", account)];
        let reply = self.post_as(STRIPE_KEY, kind, form, &headers).await;
        reply.expect("an answer")
    }

    /// A POST to Stripe for a connected account under a key.
    pub async fn try_for(
        &self,
        account: &str,
        kind: &str,
        form: &str,
        key: &str,
    ) -> reqwest::Result<Reply> {
        let headers = [("Stripe-Account", account), ("Idempotency-Key", key)];
        self.post_as(STRIPE_KEY, kind, form, &headers).await
    }

    /// A seller with euro that can be spent.
    pub fn seller_with(&self, amount: i64) -> String {
        let stripe = self.sim.stripe();
        let seller = stripe.add_account(AccountSeed::new());
        stripe.add_funds(&seller, "eur", amount);
        seller
    }

    pub async fn transfer(&self, form: &str) -> Reply {
        self.post(form, &[]).await.expect("an answer")
    }

    pub async fn transfer_with_key(&self, form: &str, key: &str) -> Reply {
        let reply = self.post(form, &[("Idempotency-Key", key)]).await;
        reply.expect("an answer")
    }

    /// The one account there is.
    pub fn only_account(&self) -> Account {
        let accounts = self.sim.stripe().accounts();
        let [account] = accounts.as_slice() else {
            panic!("there are {} accounts", accounts.len());
        };
        account.clone()
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
