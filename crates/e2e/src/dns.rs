//! A name server that says what it is told to.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use crate::wait::nap;

/// A name server on loopback, over UDP. It ends with the process.
pub struct NameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

#[derive(Default)]
struct Zone {
    records: HashMap<Name, Vec<Record>>,
    broken: bool,
    delay: Duration,
    asked: Vec<(Name, RecordType)>,
}

/// What a name leads to.
#[derive(Debug, Clone)]
pub enum Leads {
    To(Ipv4Addr),
    /// To a name and port, by priority and weight.
    ToServer {
        priority: u16,
        weight: u16,
        port: u16,
        name: &'static str,
    },
}

impl NameServer {
    pub fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = socket.local_addr().expect("a bound socket has an address");
        let zone = Arc::<Mutex<Zone>>::default();
        let shared = Arc::clone(&zone);
        std::thread::spawn(move || serve(&socket, &shared));
        Self { address, zone }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Replaces everything known of a name.
    pub fn set(&self, name: &str, ttl: u32, leads: &[Leads]) {
        let name = fqdn(name);
        let records = leads.iter().map(|leads| {
            let data = match leads {
                Leads::To(address) => RData::A(A(*address)),
                Leads::ToServer { priority, weight, port, name } => {
                    RData::SRV(SRV::new(*priority, *weight, *port, fqdn(name)))
                }
            };
            Record::from_rdata(name.clone(), ttl, data)
        });
        let records = records.collect();
        self.zone().records.insert(name, records);
    }

    /// The name is no longer there.
    pub fn remove(&self, name: &str) {
        self.zone().records.remove(&fqdn(name));
    }

    /// Whether every question is answered that something went wrong.
    pub fn set_broken(&self, broken: bool) {
        self.zone().broken = broken;
    }

    /// How long it takes to answer.
    pub fn set_delay(&self, delay: Duration) {
        self.zone().delay = delay;
    }

    /// How often it was asked for a name.
    pub fn asked(&self, name: &str) -> usize {
        let name = fqdn(name);
        self.zone().asked.iter().filter(|(other, _)| *other == name).count()
    }

    fn zone(&self) -> std::sync::MutexGuard<'_, Zone> {
        self.zone.lock().expect("no thread panics with it")
    }
}

fn fqdn(name: &str) -> Name {
    let mut name = Name::from_utf8(name).expect("a name");
    name.set_fqdn(true);
    name
}

fn serve(socket: &UdpSocket, zone: &Mutex<Zone>) {
    let mut packet = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        let Ok(question) = Message::from_vec(&packet[..length]) else { continue };
        let (answer, delay) = answer(&question, zone);
        nap(delay);
        if let Ok(bytes) = answer.to_vec() {
            let _ = socket.send_to(&bytes, from);
        }
    }
}

fn answer(question: &Message, zone: &Mutex<Zone>) -> (Message, Duration) {
    let mut zone = zone.lock().expect("no thread panics with it");
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    for query in &question.queries {
        answer.add_query(query.clone());
        let (name, kind) = (query.name().to_lowercase(), query.query_type());
        zone.asked.push((name.clone(), kind));
        let known = zone.records.get(&name);
        for record in known.into_iter().flatten().filter(|r| r.data.record_type() == kind) {
            answer.add_answer(record.clone());
        }
        answer.metadata.response_code = match known {
            _ if zone.broken => ResponseCode::ServFail,
            None => ResponseCode::NXDomain,
            Some(_) => ResponseCode::NoError,
        };
    }
    if zone.broken {
        answer.answers.clear();
    }
    (answer, zone.delay)
}
