// HTTP connector: `tidegate/http`.

export { httpSink } from './http-sink.js';
export type { HttpAnswer, HttpRequest, HttpSinkOptions, HttpVerdict } from './options.js';
