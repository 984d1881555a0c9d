export { formatAddress, parseAddress, type QmpAddress } from './address.js';
export {
  QmpClient,
  type ClientOptions,
  type ConnectOptions,
  type ExecuteOptions,
  type ExecuteParameters,
} from './client.js';
export * from './errors.js';
export {
  EventSubscription,
  QmpEvents,
  type OverflowPolicy,
  type SubscribeOptions,
  type WaitOptions,
} from './events.js';
export { formatVersion, type Greeting, type QemuVersion } from './greeting.js';
export { parseJson } from './json/parse.js';
export { stringifyJson } from './json/stringify.js';
export { isJsonObject, type JsonArray, type JsonObject, type JsonValue } from './json/value.js';
export { defaultTimeoutMs } from './timeouts.js';
export { QapiSchema, type SchemaQuestion } from './schema/schema.js';
export type * from './schema/info.js';
export type * from './qapi.js';
export type { EventOf, QmpEvent } from './event.js';
export type { Qemu } from './generated/qemu.js';
export type { NativeSockets, PeerCredentials } from './native.js';
export type { ConnectionGap, ReconnectOptions } from './reconnect.js';
export type { QmpLimits } from './session.js';
export type { ClientState } from './state.js';
export {
  formatTraceEntry,
  isSecretName,
  redact,
  REDACTED,
  type TraceEntry,
  type TraceLevel,
  type TraceOptions,
} from './trace.js';
export { GuestAgent, type AgentExecuteOptions, type AgentOptions } from './agent.js';
export { QmpListener } from './listen.js';
export { parseRecording, recorder, type RecordedMessage } from './recording.js';
export { runShell, type ShellOptions } from './shell/shell.js';
