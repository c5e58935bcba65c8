import { EventEmitter } from 'node:events'

/** What a handler sees of a response of `node:http`, in the hands of the test. */
export class NodeResponse extends EventEmitter {
  closed = false
  writableFinished = false
  errored: Error | null = null

  /** Everything has been sent, and the response is over. */
  finish(): void {
    this.writableFinished = true
    this.emit('finish')
    this.#close()
  }

  /** The client has gone, or the connection has failed with `error`. */
  cut(error: Error | null = null): void {
    this.errored = error
    this.#close()
  }

  /** How many listeners it has, of whatever event. */
  get heard(): number {
    return this.eventNames().reduce((count, name) => count + this.listenerCount(name), 0)
  }

  #close(): void {
    this.closed = true
    this.emit('close')
  }
}
