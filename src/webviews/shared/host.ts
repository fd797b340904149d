/** The page's line to the extension host. */
interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

export interface Host<ToPage, FromPage, Memory> {
  send(message: FromPage): void;
  onMessage(listener: (message: ToPage) => void): void;
  /** What the page remembers while it is hidden; the editor ends a hidden page. */
  remembered(): Partial<Memory>;
  remember(memory: Partial<Memory>): void;
}

/** May be called once a page. */
export function connectHost<ToPage, FromPage, Memory>(): Host<ToPage, FromPage, Memory> {
  const api = acquireVsCodeApi();
  const remembered = () => (api.getState() ?? {}) as Partial<Memory>;
  return {
    send: (message) => api.postMessage(message),
    onMessage: (listener) => window.addEventListener('message', (event: MessageEvent<ToPage>) => listener(event.data)),
    remembered,
    remember: (memory) => api.setState({ ...remembered(), ...memory }),
  };
}
