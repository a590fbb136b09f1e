// HTTP connector: `tidegate/http`.

export { httpSink } from './sink.js';
export type { HttpAnswer, HttpRequest, HttpSinkOptions, HttpVerdict } from './options.js';
