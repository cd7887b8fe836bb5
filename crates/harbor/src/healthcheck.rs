//! `harbor healthcheck`: for service managers and containers without a shell.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use web::client::{self, Client};

use crate::settings::Healthcheck;

const ANSWER_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
struct Health {
    status: String,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    name: String,
    status: String,
    error: Option<String>,
}

pub(crate) async fn run(settings: &Healthcheck) -> Result<()> {
    let url = settings.url.join("/api/v2.0/health").context("not the URL of a server")?;
    // It asks its own host, wherever that is.
    let client =
        Client::new(client::Settings { allowed: everywhere()?, ..client::Settings::default() })?;
    let request = client.request(client::Method::GET, url.clone())?;
    let answer = request.send().await.with_context(|| format!("{url} does not answer"))?;
    let body = client::collect(answer, ANSWER_MAX).await?;
    let health: Health =
        serde_json::from_slice(&body).context("the answer is not one of harbor")?;
    if health.status == "healthy" {
        return Ok(());
    }
    let ill: Vec<String> = health
        .components
        .into_iter()
        .filter(|component| component.status != "healthy")
        .map(|component| format!("{}: {}", component.name, component.error.unwrap_or_default()))
        .collect();
    bail!("unhealthy: {}", ill.join("; "))
}

fn everywhere() -> Result<Vec<web::Network>> {
    ["0.0.0.0/0", "::/0"].into_iter().map(|network| Ok(network.parse()?)).collect()
}
