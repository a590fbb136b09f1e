// A flight as a line of the input file, and what the job makes of flights.

export interface Flight {
  /** Local time of departure, to the minute, in milliseconds since the Unix epoch. */
  readonly time: number;
  /** Minutes behind schedule on arrival; negative when early. */
  readonly delay: number;
  /** Miles. */
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

/** One row of the statistics: an airport's flights of one day. */
export interface AirportDay {
  readonly day: string;
  readonly airport: string;
  readonly flights: number;
  readonly late: number;
  /** Sum of the delays, in minutes. */
  readonly minutes: number;
  /** The longest delay, in minutes. */
  readonly worst: number;
}

/** From this delay on a flight is late, and archived. */
export const lateFromMinutes = 120;
