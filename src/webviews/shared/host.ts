/** The page's line to the extension host. */
interface VsCodeApi {
  postMessage(message: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

export interface Host<ToPage, FromPage> {
  send(message: FromPage): void;
  onMessage(listener: (message: ToPage) => void): void;
}

/** May be called once a page. */
export function connectHost<ToPage, FromPage>(): Host<ToPage, FromPage> {
  const api = acquireVsCodeApi();
  return {
    send: (message) => api.postMessage(message),
    onMessage: (listener) => window.addEventListener('message', (event: MessageEvent<ToPage>) => listener(event.data)),
  };
}
