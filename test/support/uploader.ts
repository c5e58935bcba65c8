/** What the status route of the upload example tells of a job. */
export interface Status {
  readonly state: string
  readonly size: number
  readonly done: number
  readonly compressed: number
  readonly result?: string
}

/** A visitor of the upload example, with a cookie as a browser keeps it. */
export class Uploader {
  /** A server that is started again may have another one. */
  origin: string
  #cookie = ''

  constructor(origin: string) {
    this.origin = origin
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = this.#cookie === '' ? {} : { cookie: this.#cookie }
    const response = await fetch(new URL(path, this.origin), { ...init, headers })
    this.#cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? this.#cookie
    return response
  }

  /** Resolves with the address of the job. */
  async upload(body: Uint8Array<ArrayBuffer>): Promise<string> {
    const response = await this.fetch('/uploads', { method: 'POST', body })
    const { id } = await response.json()
    const location = response.headers.get('location')
    if (response.status !== 202 || location !== `/jobs/${id}`) {
      throw new Error(`The upload was answered with ${response.status}, location ${location}`)
    }
    return location
  }

  async status(location: string): Promise<Status> {
    return (await this.fetch(location)).json()
  }

  /** All of them, up to the end of the job. */
  async events(location: string): Promise<Status[]> {
    const text = await (await this.fetch(`${location}/events`)).text()
    return text.split('\n\n').flatMap((event) => (event === '' ? [] : [JSON.parse(event.slice(6))]))
  }

  async result(location: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.fetch(`${location}/result`)).arrayBuffer())
  }
}
