import { attach } from '../hosts/attach.ts'
import type { Deadline } from '../hosts/deadline.ts'
import type { HandlerHost, Host, Teller } from '../hosts/host.ts'
import { Exchange } from '../response/exchange.ts'
import type { ResponseHead } from '../response/outcome.ts'
import { BackgroundTasks } from '../tasks/background-tasks.ts'
import { watchDeadline } from '../tasks/deadline.ts'
import { inside } from '../tasks/item.ts'
import type { List, ListRequest } from '../tasks/list.ts'
import type { ListOptions } from '../tasks/list-options.ts'
import { countIn, joinRequest, requestList } from '../tasks/wrap.ts'
import { isThenable } from '../util/checks.ts'
import { answerOf } from './thrown.ts'

/** A request that is being handled. */
export class Handling implements ListRequest {
  readonly tasks: BackgroundTasks
  readonly list: List
  /** Tells the end of the response: what has called the handler, unless that is replaced. */
  host: Host
  readonly #caller: HandlerHost
  /** The list of the request, if that has one: this one joins it. */
  readonly #around = requestList()
  readonly #deadline: Deadline | false | undefined
  /** What tells the end of an answer that was given while the list was empty. */
  #teller: Teller | undefined
  #answer: unknown
  #head: ResponseHead | undefined

  /** @param deadline In the place of the platform's; `false` for none. */
  constructor(options: ListOptions, caller: HandlerHost, deadline: Deadline | false | undefined) {
    this.tasks = new BackgroundTasks(undefined, options)
    this.list = this.tasks[inside]
    this.host = this.#caller = caller
    this.#deadline = deadline
  }

  /** Calls the handler, and ties the list to what that answers: at once, if it answers at once. */
  handle(handler: () => unknown): unknown {
    let answer: unknown
    try {
      answer = handler()
    } catch (error) {
      throw this.#tieThrown(error)
    }
    if (!isThenable(answer)) return this.#tieAnswer(answer)
    return Promise.resolve(answer).then(
      (value) => this.#tieAnswer(value),
      (error: unknown) => {
        throw this.#tieThrown(error)
      },
    )
  }

  /** Lets the list wait for the end of a response that was answered while it was empty. */
  subscribe(): void {
    const teller = this.#teller
    if (teller === undefined) return
    this.#teller = undefined
    const { carrier } = this.host
    this.#bind(this.#answer, { carrier, teller: () => teller }, this.#head)
  }

  #tieAnswer(answer: unknown): unknown {
    try {
      return this.#tie(answer)
    } catch (error) {
      throw this.#tieThrown(error)
    }
  }

  /** Lets the list run when `answer` has been sent. Returns what to send in its place. */
  #tie(answer: unknown, head?: ResponseHead): unknown {
    const { list, host } = this
    if (this.#joins()) return answer
    // Another one may have to be asked at once.
    const mayWait = host === this.#caller && list.isEmpty && !list.isAwaited
    this.#teller = mayWait ? host.teller?.(answer) : undefined
    if (this.#teller === undefined) return this.#bind(answer, host, head)
    this.#answer = answer
    this.#head = head
    list.release()
    return answer
  }

  #bind(answer: unknown, host: Host, head?: ResponseHead): unknown {
    const { exchange, sent } = attach(answer, host, head)
    this.#wait(exchange)
    return sent
  }

  #wait(exchange: Exchange): void {
    this.#watch()
    this.list.waitFor(exchange)
    countIn(this.list)
  }

  /** Whether the list around it decides when it runs. */
  #joins(): boolean {
    if (!joinRequest(this.list, this.#around)) return false
    this.#watch()
    this.list.release()
    return true
  }

  /** Looks the deadline up now: what waits holds nothing of the request. */
  #watch(): void {
    const { list } = this
    const deadline = this.#deadline ?? this.#caller.deadline
    if (deadline) list.watch = ({ onError }) => watchDeadline(list, deadline, onError)
  }

  /** What to throw at the host: the answer, if that is one. */
  #tieThrown(thrown: unknown): unknown {
    const { list } = this
    let error = thrown
    try {
      const head = answerOf(thrown)
      if (head !== undefined) return this.#tie(thrown, head)
    } catch (failure) {
      error = failure
    }
    // What has been thrown first, and was answered, is not forgotten for a failure after that.
    list.thrown ??= { reason: error }
    if (this.#joins()) return error
    const exchange = new Exchange()
    exchange.end('thrown', error)
    this.#wait(exchange)
    return error
  }
}
