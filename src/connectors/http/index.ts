// HTTP connector: `tidegate/http`.

export { httpSink } from './http-sink.js';
export type { HttpRequest, HttpSinkOptions } from './options.js';
