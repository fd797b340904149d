/** One line a request, for whoever wants to know who asks what. */
export interface RequestLogEntry {
  time: string;
  method: string;
  /** With query; tokens never travel in paths. */
  path: string;
  userAgent: string;
  user: string;
  status: number;
  milliseconds: number;
}

export type RequestSink = (entry: RequestLogEntry) => void;
