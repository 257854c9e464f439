//! What goes over the wire, byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use simulator::{Effect, Fault, MIRAKL_KEY, OrderSeed, Simulator};

/// A test that blocks its thread, as one that waits for a child process does.
fn start() -> Simulator {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(Simulator::start()).expect("free ports")
}

fn connect(sim: &Simulator) -> TcpStream {
    let stream = TcpStream::connect(sim.mirakl().host()).expect("a listener");
    stream.set_nodelay(true).expect("an option");
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("an option");
    stream
}

fn ask(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {MIRAKL_KEY}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a connection");
}

/// Everything until the connection closes.
fn drain(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => bytes,
        Err(error) => panic!("not closed: {error}"),
    }
}

/// One answer with a `Content-Length`.
fn read_answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("a length").parse().expect("a number");
            if body.len() >= length {
                return text;
            }
        }
        let count = stream.read(&mut buffer).expect("bytes");
        assert!(count > 0, "closed early: {text}");
        bytes.extend_from_slice(&buffer[..count]);
    }
}

#[test]
fn a_cut_connection_carries_no_byte_of_an_answer() {
    let sim = start();
    for effect in [Effect::CutBefore, Effect::CutAfter] {
        sim.faults().add(Fault::on("GET /api/orders").then(effect));
        let mut stream = connect(&sim);
        ask(&mut stream, "/api/orders");
        assert!(drain(&mut stream).is_empty());
        sim.faults().clear();
    }
}

#[test]
fn a_cut_hits_its_own_connection_only() {
    let sim = start();
    let mut kept = connect(&sim);
    ask(&mut kept, "/api/version");
    read_answer(&mut kept);
    sim.faults()
        .add(Fault::on("GET /api/orders").then(Effect::CutBefore));
    let mut lost = connect(&sim);
    ask(&mut lost, "/api/orders");
    assert!(drain(&mut lost).is_empty());
    ask(&mut kept, "/api/version");
    assert!(read_answer(&mut kept).contains("200 OK"));
}

#[test]
fn a_connection_is_kept_and_answers_without_a_stall() {
    let sim = start();
    for n in 0..100 {
        sim.mirakl().put(OrderSeed::new(&format!("C{n}"), "C", 1));
    }
    let mut stream = connect(&sim);
    let mut times: Vec<Duration> = (0..40)
        .map(|_| {
            let start = Instant::now();
            ask(&mut stream, "/api/orders?max=100");
            read_answer(&mut stream);
            start.elapsed()
        })
        .collect();
    times.sort();
    // A stall of Nagle's algorithm against delayed ACKs is 40 ms on every call.
    assert!(times[20] < Duration::from_millis(35), "{:?}", times[20]);
}

#[test]
fn a_slow_body_sends_its_headers_at_once() {
    let sim = start();
    let time = Duration::from_millis(400);
    sim.faults()
        .add(Fault::on("GET /api/version").then(Effect::SlowBody(time)));
    let mut stream = connect(&sim);
    let start = Instant::now();
    ask(&mut stream, "/api/version");
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer).expect("bytes");
    let first = start.elapsed();
    assert!(buffer[..count].starts_with(b"HTTP/1.1 200 OK"));
    let mut text = String::from_utf8_lossy(&buffer[..count]).into_owned();
    while !text.ends_with('}') {
        let count = stream.read(&mut buffer).expect("bytes");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    assert!(
        start.elapsed() >= time.mul_f32(0.7),
        "{:?}",
        start.elapsed()
    );
    assert!(first < start.elapsed() / 2, "{first:?}");
    assert!(text.contains("3.210"));
}

#[test]
fn an_endless_body_goes_on_until_the_client_leaves() {
    let sim = start();
    sim.faults()
        .add(Fault::on("GET /api/version").then(Effect::EndlessBody));
    let mut stream = connect(&sim);
    ask(&mut stream, "/api/version");
    let mut buffer = vec![0; 1024 * 1024];
    for _ in 0..20 {
        stream.read_exact(&mut buffer).expect("more");
    }
    drop(stream);
    let mut stream = connect(&sim);
    ask(&mut stream, "/api/version");
    assert!(read_answer(&mut stream).contains("3.210"));
}

#[test]
fn calls_are_logged_with_their_templates_and_counted() {
    let sim = start();
    let mut stream = connect(&sim);
    ask(&mut stream, "/api/orders?max=5");
    read_answer(&mut stream);
    ask(&mut stream, "/api/orders?max=0");
    read_answer(&mut stream);
    assert_eq!(sim.count("GET /api/orders"), 2);
    let calls = sim.calls();
    assert_eq!(calls[0].path_and_query, "/api/orders?max=5");
    assert_eq!((calls[0].status, calls[1].status), (Some(200), Some(400)));
    sim.clear_calls();
    assert!(sim.calls().is_empty());
    ask(&mut stream, "/api/version");
    read_answer(&mut stream);
    assert_eq!(sim.calls()[0].status, Some(200));
}

#[test]
fn the_servers_stop_with_the_last_handle() {
    let sim = start();
    let host = sim.mirakl().host();
    let mirakl = sim.mirakl().clone();
    drop(sim);
    assert!(TcpStream::connect(&host).is_ok());
    drop(mirakl);
    let end = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(&host).is_ok() {
        assert!(Instant::now() < end, "still listening");
        std::thread::yield_now();
    }
}
