//! The wish to stop, seen by everything that waits.

use std::sync::Arc;

use tokio::sync::watch;

/// A switch that is thrown once, or insisted on. Clones share it.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<Wish>>);

/// How much an end is wished for, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    None,
    /// An end with its clean-up.
    End,
    /// An end at once: somebody asked twice.
    Now,
}

impl Cancel {
    /// Not thrown.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Wish::None)))
    }

    /// Throws it; every run ends with its clean-up. Thrown again, it is insisted on.
    pub fn cancel(&self) {
        self.0.send_modify(|wish| {
            *wish = if *wish == Wish::None { Wish::End } else { Wish::Now };
        });
    }

    /// It was thrown.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow() >= Wish::End
    }

    /// Returns when it is thrown.
    pub async fn cancelled(&self) {
        self.until(Wish::End).await;
    }

    /// Returns when it is insisted on: whoever waits leaves at once, and cleans up nothing.
    pub async fn insisted(&self) {
        self.until(Wish::Now).await;
    }

    async fn until(&self, least: Wish) {
        // The sender lives in `self`, so the channel cannot close while we wait.
        drop(self.0.subscribe().wait_for(|wish| *wish >= least).await);
    }

    /// Throws it at each Ctrl-C or SIGTERM. Needs a running runtime.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let cancel = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                cancel.cancel();
            }
        });
        Ok(())
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everyone_who_waits_is_told_also_afterwards() {
        let cancel = Cancel::new();
        let waiting = tokio::spawn({
            let cancel = cancel.clone();
            async move { cancel.cancelled().await }
        });
        cancel.cancel();
        waiting.await.unwrap();
        cancel.cancelled().await;
        assert!(cancel.is_cancelled());
    }

    #[tokio::test]
    async fn whoever_asks_twice_insists() {
        let cancel = Cancel::new();
        cancel.cancel();
        let insisted = tokio::time::timeout(std::time::Duration::ZERO, cancel.insisted()).await;
        assert!(insisted.is_err(), "one wish is no insisting");
        cancel.cancel();
        cancel.insisted().await;
    }
}
