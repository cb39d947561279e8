//! Signs a PUT with reqsign, as `native signer` of tests/bench/signing.ts does. Each line of
//! standard input is how many milliseconds of CPU to use; each line of standard output is the
//! microseconds that one URL took.

use std::io::{BufRead, Write};
use std::time::Duration;

use reqsign_aws_v4::{RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, Signer};

const HOST: &str = "files.s3.us-east-1.amazonaws.com";

fn main() {
    let signer = Signer::new(
        Context::new(),
        StaticCredentialProvider::new("AKIAIOSFODNN7EXAMPLE", "not-a-real-secret-key"),
        RequestSigner::new("s3", "us-east-1"),
    );
    let mut serial: u64 = 0;
    let mut sign = || {
        serial += 1;
        let key = format!("orgs/acme/files/2026/11/5007cd59-14b0-4a8f-9bfa-{serial}.png");
        let (mut parts, ()) = http::Request::put(format!("https://{HOST}/{key}"))
            .header("content-length", "123456")
            .header("content-type", "image/png")
            .body(())
            .expect("the request is well-formed")
            .into_parts();
        pollster::block_on(signer.sign(&mut parts, Some(Duration::from_secs(900))))
            .expect("the keys are there");
        parts.uri.to_string()
    };
    if std::env::args().nth(1).as_deref() == Some("--print") {
        println!("{}", sign());
        return;
    }
    for line in std::io::stdin().lock().lines() {
        let milliseconds = line.expect("a line").trim().parse().expect("milliseconds");
        let start = cpu_time();
        let mut taken = Duration::ZERO;
        let mut count = 0u32;
        while taken < Duration::from_millis(milliseconds) {
            for _ in 0..100 {
                std::hint::black_box(sign());
            }
            count += 100;
            taken = cpu_time() - start;
        }
        println!("{}", taken.as_secs_f64() * 1e6 / f64::from(count));
        std::io::stdout().flush().expect("an open pipe");
    }
}

fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
