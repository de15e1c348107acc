//! An HTTPS client of the matrix: reqwest over native-tls. Begins once a line has come on stdin.
//! Usage: native_tls_client URL COUNT keep-alive|close MIX SEED CONNECTIONS.
use reqwest::Client;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

type Counts = BTreeMap<String, usize>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Work {
    url: String,
    count: usize,
    closes: bool,
    steps: Vec<String>,
    seed: usize,
    next: AtomicUsize,
}

impl Work {
    async fn send(&self, client: &Client, step: &str) -> Result<String, Failure> {
        let words: Vec<&str> = step.split(' ').collect();
        let body = vec![b'x'; words[2].parse()?];
        let mut request = client.request(words[0].parse()?, format!("{}{}", self.url, words[1]));
        if self.closes {
            request = request.header("Connection", "close");
        }
        if !body.is_empty() {
            request = request.body(body);
        }
        let answer = request.send().await?;
        let key = format!("{} {}", words[0], answer.status().as_u16());
        answer.bytes().await?;
        Ok(key)
    }

    async fn run(self: Arc<Self>, client: Client) -> Result<Counts, Failure> {
        let mut counts = Counts::new();
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.count {
                return Ok(counts);
            }
            let key = self.send(&client, &self.steps[(self.seed + index) % self.steps.len()]).await?;
            *counts.entry(key).or_default() += 1;
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let work = Arc::new(Work {
        url: arguments[1].clone(),
        count: arguments[2].parse()?,
        closes: arguments[3] == "close",
        steps: std::fs::read_to_string(&arguments[4])?.lines().map(String::from).collect(),
        seed: arguments[5].parse()?,
        next: AtomicUsize::new(0),
    });
    std::io::stdin().read_line(&mut String::new())?;
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let workers: Vec<_> = (0..arguments[6].parse()?)
        .map(|_| tokio::spawn(work.clone().run(client.clone())))
        .collect();
    let mut counts = Counts::new();
    for worker in workers {
        for (key, count) in worker.await?? {
            *counts.entry(key).or_default() += count;
        }
    }
    let members: Vec<String> = counts.iter().map(|(key, count)| format!("\"{key}\": {count}")).collect();
    println!("{{{}}}", members.join(", "));
    Ok(())
}
