//! Losses over UDP are counted and said.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Instant;

use super::{LOSSES, PAUSE, Receiver};
use crate::drops::Drops;
use crate::intake::Intake;

#[test]
fn what_the_kernel_dropped_is_said_in_the_log() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("bound");
    socket.set_read_timeout(Some(PAUSE)).expect("set");
    let sender = UdpSocket::bind("127.0.0.1:0").expect("bound");
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4096).expect("set");
    for _ in 0..100 {
        let message = b"<30>Jul 24 11:17:46 ui[7]: text";
        sender.send_to(message, socket.local_addr().expect("bound")).expect("sent");
    }
    let looked = Instant::now().checked_sub(LOSSES).expect("a moment");
    let mut receiver = Receiver {
        socket: &socket,
        intake: Intake::new(Ipv4Addr::LOCALHOST.into(), false),
        datagram: vec![0; 1024],
        drops: Drops::of(&socket),
        looked,
    };
    receiver.gather(false);
    receiver.mention_losses();
    let batch = receiver.intake.batch();
    let received = batch.files["ui"].iter().filter(|byte| **byte == b'\n').count();
    let remark = String::from_utf8_lossy(&batch.files["log"]).into_owned();
    let expected = format!("{} lines that came over UDP were lost", 100 - received);
    assert!(received < 100 && remark.contains(&expected), "{received} received, {remark}");
}
