/**
 * The typed client of AI Sidecar. It runs in a window as in Node: nothing here knows where it is.
 * The ways to a sidecar are in `@ai-sidecar/client/tauri` and `@ai-sidecar/client/stdio`.
 */

export { AIClient } from "./client.js";
export type { ConnectionState } from "./connection.js";
export type * from "./contract.js";
export { PROTOCOL_VERSION } from "./contract.js";
export {
  CLIENT_CODE,
  type ClientErrorKind,
  type Ending,
  type Kind,
  SidecarClosed,
  SidecarError,
} from "./errors.js";
export type { Method, ParamsOf, RequestOptions, ResultOf } from "./methods.js";
export type {
  CallOptions,
  ClientOptions,
  ExecutionOptions,
  StateHandler,
  StreamOptions,
} from "./options.js";
export type {
  AIStream,
  AnswerOf,
  FinishReason,
  Output,
  StreamEnd,
  StreamHandlers,
  StreamResult,
  StreamStatus,
} from "./stream.js";
export type { Transport, TransportListener } from "./transport.js";
