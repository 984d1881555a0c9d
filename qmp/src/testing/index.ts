/** For your tests: a fake QEMU, scripted by you or played back from a recording. */
export {
  FakeCommandError,
  FakeQemu,
  NO_REPLY,
  type CommandHandler,
  type FakeQemuOptions,
  type ReceivedCommand,
} from './fakeQemu.js';
export { replay } from './replay.js';
export { streamPair } from './streamPair.js';
