/** What is counted of a router and of each of its routes. */
class Requests {
  requests = 0;
  retries = 0;
  connectFailures = 0;
  readonly responses = [0, 0, 0, 0, 0, 0];

  count(status: number): void {
    const index = Math.floor(status / 100);
    this.responses[index] = (this.responses[index] ?? 0) + 1;
  }
}

/** Of one worker since its start. */
export class Statistics extends Requests {
  connections = 0;
  tunnels = 0;
}

/** Of one route. */
export class Counters extends Requests {
  inFlight = 0;
  bytesIn = 0;
  bytesOut = 0;
}
