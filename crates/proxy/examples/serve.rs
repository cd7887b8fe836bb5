//! Serves a file.
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let checked = proxy::check(path.as_ref()).unwrap();
    let mut b = tokio::runtime::Builder::new_multi_thread();
    if let Some(n) = checked.workers {
        b.worker_threads(n);
    }
    b.enable_all().build().unwrap().block_on(async move {
        proxy::run(
            proxy::Settings { config: path.into() },
            proxy::Reload::new(),
            web::Shutdown::new(),
        )
        .await
        .unwrap();
    });
}
