//! `harbor healthcheck`: for service managers and containers without a shell.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;
use web::client::{self, Client};

use crate::settings::Healthcheck;

const ANSWER_MAX: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

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
    if let Some(address) = &settings.tcp {
        return connect(address).await;
    }
    if let Some(collector) = settings.collector {
        return Ok(::logs::probe(collector, PATIENCE).await?);
    }
    // A bare address means the platform's own word; a path, whatever answers there in the same form.
    let url = match settings.url.path() {
        "/" => settings.url.join("/api/v2.0/health").context("not the URL of a server")?,
        _ => settings.url.clone(),
    };
    ask(&Client::new(client::Settings::neighbours())?, &url).await
}

/// Whether somebody accepts connections.
async fn connect(address: &str) -> Result<()> {
    let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
    connected
        .context("no answer in time")?
        .with_context(|| format!("{address} does not answer"))?;
    Ok(())
}

/// An error names what is not healthy.
pub(crate) async fn ask(client: &Client, url: &Url) -> Result<()> {
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
