//! `cargo xtask serve-reward`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mentor::mentor_reward::Reward;
use mentor::serve::http::{Limits, serve};
use mentor::{rewards, serve as service};

use crate::arguments::ServeRewardOptions;
use crate::display::{say, warn};

/// Offers a reward over HTTP until it is told to stop.
pub fn run(options: &ServeRewardOptions) -> Result<()> {
    ensure!(options.workers > 0, "--workers: at least 1");
    ensure!(options.timeout > 0.0 && options.timeout < 1e6, "--timeout: seconds, above 0");
    ensure!(options.max_body > 0 && options.max_body <= 1024, "--max-body: MiB, from 1 to 1024");
    let reward = rewards::read(&options.reward).context("--reward")?;
    let limits = Limits { body: options.max_body << 20, time: Duration::from_secs_f64(options.timeout) };
    let listener = listen(&options.listen)?;
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        warn(&format!(
            "{address} can be reached from other machines: whoever reaches it can use this service, nothing is encrypted"
        ));
    }
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_interrupt(&stop, address, options.workers)?;
    say(&format!("listening on http://{address} with reward {}; Ctrl-C stops", reward.name));
    let answered = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..options.workers {
            scope.spawn(|| work(&listener, &reward, &limits, &stop, &answered));
        }
    });
    say(&format!("stopped; {} requests answered", answered.into_inner()));
    Ok(())
}

fn listen(address: &str) -> Result<TcpListener> {
    let remedy =
        || format!("--listen {address}: give ADDRESS:PORT, as 127.0.0.1:8765 (port 0: any that is free)");
    let addresses: Vec<SocketAddr> = address.to_socket_addrs().with_context(remedy)?.collect();
    TcpListener::bind(&addresses[..]).with_context(remedy)
}

/// One of the threads: a connection after the other. Those that nobody has time for wait in the listener's queue.
fn work(listener: &TcpListener, reward: &Reward, limits: &Limits, stop: &AtomicBool, answered: &AtomicU64) {
    while !stop.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok(_) if stop.load(Ordering::SeqCst) => return,
            // A connection that breaks is its client's business.
            Ok((stream, _)) => {
                if let Ok(Some(_)) = serve(stream, limits, &|request| service::answer(reward, request)) {
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            }
            // Out of file descriptors, or the client gave up: a moment later there are others.
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Requests that are being answered are answered; each waiting thread is woken by a connection of our own.
fn stop_on_interrupt(stop: &Arc<AtomicBool>, address: SocketAddr, workers: usize) -> Result<()> {
    let stop = Arc::clone(stop);
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let wake = SocketAddr::new(ip, address.port());
    ctrlc::set_handler(move || {
        stop.store(true, Ordering::SeqCst);
        for _ in 0..workers {
            // A refused one means that nobody waits any more.
            drop(TcpStream::connect_timeout(&wake, Duration::from_millis(200)));
        }
    })
    .context("the handler of Ctrl-C cannot be set")
}
