// SPDX-License-Identifier: MIT

//! The servers of the network rows in tokio, and hyper on it: `tokio_net echo` and `tokio_net http`
//! serve at a free port of 127.0.0.1 and print its number. BENCH_WORKERS plays the part of W.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// One worker is tokio's best with its scheduler of one thread.
fn make_runtime() -> Runtime {
    let workers = std::env::var("BENCH_WORKERS").map_or(1, |text| text.parse().unwrap());
    match workers {
        1 => Builder::new_current_thread().enable_io().build(),
        many => Builder::new_multi_thread()
            .worker_threads(many)
            .enable_io()
            .build(),
    }
    .unwrap()
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(size @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..size]).await.is_err() {
            return;
        }
    }
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(
        b"Hello, world!\n",
    ))))
}

async fn serve_http(stream: TcpStream) {
    let service = hyper::service::service_fn(hello);
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = connection.await; // the peer is gone
}

async fn serve<F, Fut>(session: F)
where
    F: Fn(TcpStream) -> Fut,
    Fut: std::future::Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(session(stream));
    }
}

fn main() {
    let what = std::env::args().nth(1).unwrap();
    make_runtime().block_on(async {
        match what.as_str() {
            "echo" => serve(echo).await,
            _ => serve(serve_http).await,
        }
    });
}
