export { formatAddress, parseAddress, type QmpAddress } from './address.js';
export {
  QmpClient,
  type ClientOptions,
  type ClientState,
  type ConnectOptions,
  type ExecuteOptions,
  type QmpLimits,
} from './client.js';
export * from './errors.js';
export {
  EventSubscription,
  QmpEvents,
  type EventSelection,
  type OverflowPolicy,
  type QmpEvent,
  type SubscribeOptions,
  type WaitOptions,
} from './events.js';
export { formatVersion, type Greeting, type QemuVersion } from './greeting.js';
export { parseJson } from './json/parse.js';
export { stringifyJson } from './json/stringify.js';
export { isJsonObject, type JsonArray, type JsonObject, type JsonValue } from './json/value.js';
export { defaultTimeoutMs } from './timeouts.js';
