//! A thread that serves: one runtime, its own sockets, connections and pools.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::{Arc, mpsc as sync_mpsc};
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{io, thread};

use filter::{Client, Clock, Counters, Exchange, Kinds, Now, Shared, View, WorkerCx};
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use slab::Slab;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::admission::Admission;
use crate::chain::Choices;
use crate::clock::SystemClock;
use crate::date::Date;
use crate::live::Live;
use crate::serve::{self, Place};
use crate::snapshot::{CompiledListener, Snapshot};
use crate::socket::Buffers;
use crate::telemetry::{Telemetry, WorkerTelemetry};
use crate::timer::{Alarm, Deadline, Wheel};
use crate::upstream::Resolvers;
use crate::watchdog::Pulse;

/// What all workers of a gateway have in common.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) kinds: Arc<Kinds>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) admission: Arc<Admission>,
    /// Where monotonic time starts.
    pub(crate) origin: Instant,
}

/// What a worker is told.
pub(crate) enum Command {
    /// Serve this snapshot from now on.
    Adopt {
        snapshot: Arc<Snapshot>,
        /// New sockets, by the index of their listener.
        sockets: Vec<(u32, StdListener)>,
        done: sync_mpsc::Sender<()>,
    },
    /// Give copies of the listening sockets.
    Share { sockets: sync_mpsc::Sender<io::Result<Vec<OwnedFd>>> },
    /// Take no more connections, end those there are, and say when there is none.
    Drain { done: sync_mpsc::Sender<()> },
}

/// The way to a worker.
pub(crate) struct Handle {
    commands: mpsc::UnboundedSender<Command>,
}

impl Handle {
    /// Starts a worker.
    ///
    /// # Errors
    /// If the system gives no thread or no event queue.
    pub(crate) fn start(number: usize, common: Common, pulse: Arc<Pulse>) -> io::Result<Self> {
        let (commands, queue) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build_local(tokio::runtime::LocalOptions::default());
        // The runtime may not leave its thread: whether one can be had is found out here.
        drop(runtime?);
        thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            pulse.begin();
            let (rests, wakes) = (Arc::clone(&pulse), Arc::clone(&pulse));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .on_thread_park(move || rests.rest())
                .on_thread_unpark(move || wakes.wake())
                .build_local(tokio::runtime::LocalOptions::default())
                .expect("one could be had a moment ago");
            runtime.block_on(async move { Worker::new(number, common).run(queue, pulse).await });
        })?;
        Ok(Self { commands })
    }

    /// Tells the worker something. It lives as long as its handle.
    pub(crate) fn tell(&self, command: Command) {
        // A worker that is gone has panicked; its side of `done` is dropped with the command.
        let _ = self.commands.send(command);
    }
}

/// A worker, as its connections see it.
pub(crate) struct Worker {
    pub(crate) clock: Rc<SystemClock>,
    pub(crate) buffers: Buffers,
    pub(crate) date: Date,
    resolvers: Resolvers,
    pub(crate) wheel: Rc<Wheel>,
    pub(crate) telemetry: Rc<WorkerTelemetry>,
    pub(crate) admission: Arc<Admission>,
    /// Room for text that is put together and copied.
    pub(crate) scratch: RefCell<String>,
    live: RefCell<Rc<Live>>,
    cx: WorkerCx,
    random: RefCell<SmallRng>,
    spares: RefCell<Vec<Spare>>,
    acceptors: RefCell<Vec<Acceptor>>,
    connections: RefCell<Slab<Alarm>>,
    draining: Cell<bool>,
    /// Told when the last connection has ended.
    empty: Notify,
}

struct Acceptor {
    key: String,
    place: Rc<Place>,
    socket: Rc<TcpListener>,
    task: JoinHandle<()>,
}

/// An exchange whose memory is used again.
pub(crate) struct Spare(Box<Parts>);

/// What an exchange needs that has no connection of its own.
pub(crate) struct Parts {
    pub(crate) exchange: Exchange,
    /// What the slots of its chain have chosen.
    pub(crate) choices: Choices,
    /// Its deadline, if it shares a connection with others.
    pub(crate) deadline: Deadline,
}

impl Spare {
    /// What it is made of.
    pub(crate) fn parts(&mut self) -> &mut Parts {
        &mut self.0
    }
}

/// A connection's entry in its worker's list; dropped with the connection.
pub(crate) struct Registered {
    worker: Rc<Worker>,
    number: usize,
    tls: bool,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut connections = self.worker.connections.borrow_mut();
        connections.remove(self.number);
        self.worker.telemetry.connection_closed(self.tls);
        if connections.is_empty() {
            self.worker.empty.notify_waiters();
        }
    }
}

impl Worker {
    fn new(number: usize, common: Common) -> Rc<Self> {
        let clock = Rc::new(SystemClock::new(common.origin));
        let telemetry = Rc::new(common.telemetry.worker());
        let cx = WorkerCx {
            worker: number,
            shared: common.shared,
            kinds: common.kinds,
            clock: Rc::clone(&clock) as Rc<dyn Clock>,
            counters: common.counters,
            spawn: Rc::new(|future| drop(tokio::task::spawn_local(future))),
        };
        let resolvers = Resolvers::default();
        let live = Live::adopt(Arc::new(Snapshot::empty()), None, &cx, &telemetry, &resolvers);
        Rc::new(Self {
            clock,
            buffers: Buffers::default(),
            date: Date::default(),
            resolvers,
            wheel: Wheel::new(),
            telemetry,
            admission: common.admission,
            scratch: RefCell::default(),
            live: RefCell::new(live),
            cx,
            random: RefCell::new(SmallRng::from_rng(&mut rand::rng())),
            spares: RefCell::default(),
            acceptors: RefCell::default(),
            connections: RefCell::default(),
            draining: Cell::new(false),
            empty: Notify::new(),
        })
    }

    async fn run(self: Rc<Self>, mut queue: mpsc::UnboundedReceiver<Command>, pulse: Arc<Pulse>) {
        let clock = Rc::clone(&self.clock);
        tokio::task::spawn_local(Rc::clone(&self.wheel).turn(move || {
            pulse.beat();
            clock.mono_us()
        }));
        tokio::task::spawn_local(Rc::clone(&self).sweep());
        while let Some(command) = queue.recv().await {
            match command {
                Command::Adopt { snapshot, sockets, done } => {
                    self.adopt(snapshot, sockets);
                    // Whoever asked may have given up.
                    let _ = done.send(());
                }
                Command::Share { sockets } => {
                    let acceptors = self.acceptors.borrow();
                    let copies =
                        acceptors.iter().map(|own| own.socket.as_fd().try_clone_to_owned());
                    let _ = sockets.send(copies.collect());
                }
                Command::Drain { done } => {
                    self.drain().await;
                    let _ = done.send(());
                }
            }
        }
    }

    fn adopt(self: &Rc<Self>, snapshot: Arc<Snapshot>, sockets: Vec<(u32, StdListener)>) {
        let before = self.live();
        let live = Live::adopt(snapshot, Some(&before), &self.cx, &self.telemetry, &self.resolvers);
        self.live.replace(live);
        // Spare exchanges hold the snapshot that they ran under.
        self.spares.borrow_mut().clear();
        self.move_acceptors();
        for (listener, socket) in sockets {
            match TcpListener::from_std(socket) {
                Ok(socket) => self.accept_from(listener, socket),
                Err(error) => tracing::error!(%error, "a listening socket cannot be watched"),
            }
        }
        // Idle connections of listeners that are gone find out.
        self.wake_all();
    }

    /// Finds the listeners' places in the snapshot; those that are gone accept no more.
    fn move_acceptors(&self) {
        let live = self.live();
        let places: HashMap<&str, u32> =
            live.snapshot.listeners.iter().map(|listener| listener.key.as_str()).zip(0..).collect();
        self.acceptors.borrow_mut().retain(|acceptor| {
            let place = places.get(acceptor.key.as_str()).copied();
            acceptor.place.move_to(place);
            if place.is_none() {
                acceptor.task.abort();
            }
            place.is_some()
        });
    }

    fn accept_from(self: &Rc<Self>, listener: u32, socket: TcpListener) {
        let live = self.live();
        let CompiledListener { key, bind, .. } = live.listener(listener);
        let local = socket.local_addr().unwrap_or(*bind);
        let place = Place::new(local, listener);
        let socket = Rc::new(socket);
        let accepting = accept(Rc::clone(self), Rc::clone(&place), Rc::clone(&socket));
        let task = tokio::task::spawn_local(accepting);
        self.acceptors.borrow_mut().push(Acceptor { key: key.clone(), place, socket, task });
    }

    /// Serves an accepted connection. In a box: the runtime moves a task's future several times,
    /// and this one is thousands of bytes.
    fn serve(self: &Rc<Self>, place: &Rc<Place>, stream: TcpStream, peer: SocketAddr) {
        let serving = serve::serve(Rc::clone(self), Rc::clone(place), stream, peer);
        tokio::task::spawn_local(Box::pin(serving));
    }

    async fn drain(self: &Rc<Self>) {
        for acceptor in self.acceptors.take() {
            acceptor.task.abort();
            // Who is in the kernel's queue has connected: closing the socket would reset them.
            while let Ok(Ok((stream, peer))) = {
                let accepted = poll_fn(|cx| match acceptor.socket.poll_accept(cx) {
                    Poll::Ready(accepted) => Poll::Ready(Ok(accepted)),
                    Poll::Pending => Poll::Ready(Err(())),
                });
                accepted.await
            } {
                self.serve(&acceptor.place, stream, peer);
            }
        }
        // Connections that were accepted just now have not been polled yet.
        tokio::task::yield_now().await;
        self.draining.set(true);
        self.wake_all();
        loop {
            let emptied = self.empty.notified();
            if self.connections.borrow().is_empty() {
                break;
            }
            emptied.await;
        }
        self.finish_policies().await;
    }

    /// Lets policies send what they have kept for later.
    async fn finish_policies(&self) {
        let live = self.live();
        let mut ends: Vec<_> = live.filters.iter().filter_map(|filter| filter.finish()).collect();
        poll_fn(|cx| {
            ends.retain_mut(|end| end.as_mut().poll(cx).is_pending());
            if ends.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn wake_all(&self) {
        for alarm in self.connections.borrow().iter().map(|(_, alarm)| alarm) {
            alarm.ring();
        }
    }

    /// Closes idle upstream connections when their time has come.
    async fn sweep(self: Rc<Self>) {
        loop {
            tokio::time::sleep(SWEEP).await;
            let now_us = self.now_us();
            for upstream in &self.live().upstreams {
                upstream.sweep(now_us);
            }
        }
    }

    /// The snapshot that is served now.
    pub(crate) fn live(&self) -> Rc<Live> {
        Rc::clone(&self.live.borrow())
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    /// The present moment, of [`Now::mono_us`].
    pub(crate) fn now_us(&self) -> u64 {
        self.clock.mono_us()
    }

    /// The moment that this worker read last: what a task has just read, without reading it again.
    pub(crate) fn recent(&self) -> Now {
        self.clock.recent()
    }

    /// A number that no other exchange has.
    pub(crate) fn random_id(&self) -> u128 {
        let mut random = self.random.borrow_mut();
        u128::from(random.next_u64()) << 64 | u128::from(random.next_u64())
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn random_below(&self, limit: u32) -> u32 {
        self.random.borrow_mut().random_range(0..limit)
    }

    /// Whether the worker takes leave: connections end after what they are at.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Enters a connection in the list of those there are.
    pub(crate) fn register(self: &Rc<Self>, deadline: &Deadline, tls: bool) -> Registered {
        let number = self.connections.borrow_mut().insert(deadline.alarm());
        self.telemetry.connection_opened(tls);
        Registered { worker: Rc::clone(self), number, tls }
    }

    /// An exchange for a request of a client.
    pub(crate) fn take_spare(&self, live: &Rc<Live>, client: &Client) -> Spare {
        let view = Rc::clone(live) as Rc<dyn View>;
        match self.spares.borrow_mut().pop() {
            Some(mut spare) => {
                let Parts { exchange, choices, .. } = spare.parts();
                exchange.view = view;
                exchange.client = client.clone();
                choices.clear();
                spare
            }
            None => Spare(Box::new(Parts {
                exchange: Exchange::new(view, client.clone()),
                choices: Choices::default(),
                deadline: self.wheel.deadline(),
            })),
        }
    }

    /// Takes an exchange back whose request is done.
    pub(crate) fn put_back(&self, mut spare: Spare) {
        let mut spares = self.spares.borrow_mut();
        if spares.len() < KEPT {
            let Parts { exchange, deadline, .. } = spare.parts();
            deadline.rest();
            exchange.reset(self.live());
            exchange.request.headers.shrink(ORDINARY_HEAD);
            exchange.response.headers.shrink(ORDINARY_HEAD);
            spares.push(spare);
        }
    }
}

/// Accepts connections as long as the task lives.
async fn accept(worker: Rc<Worker>, place: Rc<Place>, socket: Rc<TcpListener>) {
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                worker.serve(&place, stream, peer);
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                // No descriptors or no memory: others must end before more can begin.
                tracing::error!(%error, address = %place.address, "connections cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether an accept failed because the client had gone already.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Spare exchanges that a worker keeps.
const KEPT: usize = 256;
/// Bytes of header fields for which a spare exchange keeps memory.
const ORDINARY_HEAD: usize = 4 << 10;
/// How often idle upstream connections are looked at.
const SWEEP: Duration = Duration::from_secs(1);
/// How long accepting pauses when the system has no room for connections.
const PAUSE: Duration = Duration::from_millis(100);
