//! What durable appends are compared with: the same bytes, appended to a bare file with an fdatasync.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// Opens a bare file to append to.
pub fn open(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// Each writer is a thread that appends one record and syncs it, while the others wait for the file.
/// How long each append took, in ms.
pub fn one_by_one(file: File, record: &[u8], writers: usize, time: Duration) -> Vec<f64> {
    let file = Mutex::new(file);
    let until = Instant::now() + time;
    crowd(writers, || {
        let mut took = Vec::new();
        while Instant::now() < until {
            let began = Instant::now();
            let mut file = file.lock().unwrap();
            file.write_all(record).unwrap();
            file.sync_data().unwrap();
            drop(file);
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        took
    })
}

/// Each writer is a thread that appends one record and syncs the file, none waits for another: what the
/// kernel makes of it.
pub fn all_at_once(file: File, record: &[u8], writers: usize, time: Duration) -> Vec<f64> {
    let file = Arc::new(file);
    let until = Instant::now() + time;
    crowd(writers, || {
        let mut took = Vec::new();
        while Instant::now() < until {
            let began = Instant::now();
            (&*file).write_all(record).unwrap();
            file.sync_data().unwrap();
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        took
    })
}

/// Writers hand their record to one thread, which writes what waits, syncs once, and answers all: the most
/// that a log with one writer can reach. Nothing is serialised, read back, hashed, folded or indexed.
pub fn grouped(mut file: File, record: &[u8], writers: usize, time: Duration) -> Vec<f64> {
    let (ask, asked) = mpsc::channel::<(Vec<u8>, mpsc::SyncSender<()>)>();
    let leader = std::thread::spawn(move || {
        while let Ok(first) = asked.recv() {
            let group: Vec<_> = std::iter::once(first).chain(asked.try_iter()).collect();
            file.write_all(&group.iter().map(|(bytes, _)| bytes.as_slice()).collect::<Vec<_>>().concat()).unwrap();
            file.sync_data().unwrap();
            for (_, answer) in group {
                answer.send(()).unwrap();
            }
        }
    });
    let until = Instant::now() + time;
    let took = crowd(writers, || {
        let ask = ask.clone();
        let (answer, answered) = mpsc::sync_channel(1);
        let mut took = Vec::new();
        while Instant::now() < until {
            let began = Instant::now();
            ask.send((record.to_vec(), answer.clone())).unwrap();
            answered.recv().unwrap();
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        took
    });
    drop(ask);
    leader.join().unwrap();
    took
}

fn crowd(writers: usize, work: impl Fn() -> Vec<f64> + Sync) -> Vec<f64> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers).map(|_| scope.spawn(&work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}
