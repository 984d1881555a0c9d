/** A process that connects to a unix socket, and prints whether it can tell who listens there. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { BorrowError, LibcKernel, peerPid } from 'linux-vfio-ts';

const socket = connect(process.argv[2] ?? '');
await once(socket, 'connect');
const { _handle: handle } = socket as unknown as { _handle: { fd: number } };
try {
  console.log(JSON.stringify({ code: 'done', message: `${peerPid(new LibcKernel(), handle.fd)}` }));
} catch (error) {
  if (!(error instanceof BorrowError)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
socket.destroy();
