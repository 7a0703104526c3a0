//! CPU time of this thread and of other processes, and what a process holds in memory.

use std::{fs, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// CPU time of the calling thread.
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// CPU time of all living threads of a process: `/proc/<pid>/stat` counts the same, in hundredths of a second.
pub fn process_cpu(pid: u32) -> Duration {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        // A thread may end between the two looks.
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        nanos += text.split(' ').next().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    }
    Duration::from_nanos(nanos)
}

/// CPU time by thread name, for finding what to mend.
pub fn threads_cpu(pid: u32) -> Vec<(String, Duration)> {
    let mut all: Vec<(String, Duration)> = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default().trim().to_owned();
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let nanos = text.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0);
        match all.iter_mut().find(|it| it.0 == name) {
            Some(known) => known.1 += Duration::from_nanos(nanos),
            None => all.push((name, Duration::from_nanos(nanos))),
        }
    }
    all
}

/// `RssAnon` of a process, in bytes: heap and stacks, without the pages of files.
pub fn resident_anon(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|it| it.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
