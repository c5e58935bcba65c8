/// <reference types="deno" />
import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type {
  ExecutionContext,
  ExportedHandlerFetchHandler,
  FetchEvent,
  Request as WorkersRequest,
  Response as WorkersResponse,
} from '@cloudflare/workers-types'
import type { Http2Bindings, HttpBindings } from '@hono/node-server'
import type { Context as NetlifyContext } from '@netlify/functions'
import { withBackgroundTasks, type WrapOptions } from 'background-tasks'
import type { H3Event } from 'h3'
import type { NextFetchEvent } from 'next/server.js'
import type { ServerRequest } from 'srvx'
import { expectAssignable, expectNotAssignable } from 'tsd'
import type { DenoInfo } from '../../dist/hosts/deno.js'
import type { NodeResponse } from '../../dist/hosts/node.js'
import type { WaitUntilHost } from '../../dist/hosts/wait-until.js'

// NodeResponse: the response of both protocols, and where adapters keep it.
expectAssignable<NodeResponse>({} as ServerResponse)
expectAssignable<NodeResponse>({} as Http2ServerResponse)
expectAssignable<NodeResponse | undefined>({} as NodeResponseOfSrvx)
expectAssignable<NodeResponse>({} as (HttpBindings | Http2Bindings)['outgoing'])
expectNotAssignable<NodeResponse>(new Response())
type NodeResponseOfSrvx = NonNullable<NonNullable<ServerRequest['runtime']>['node']>['res']

// WaitUntilHost: the contexts of platforms, and the events and requests that have it themselves.
expectAssignable<WaitUntilHost>({} as ExecutionContext)
expectAssignable<WaitUntilHost>({} as FetchEvent)
expectAssignable<WaitUntilHost>({} as NetlifyContext)
expectAssignable<WaitUntilHost>({} as NextFetchEvent)
expectAssignable<WaitUntilHost>({} as Required<Pick<ServerRequest, 'waitUntil'>>)
expectAssignable<WaitUntilHost>({} as H3Event)
expectNotAssignable<WaitUntilHost>(new Request('http://localhost'))

// DenoInfo: what Deno passes to a handler, whatever it listens on, and not its address alone.
expectAssignable<DenoInfo>({} as Deno.ServeHandlerInfo)
expectAssignable<DenoInfo>({} as Deno.ServeHandlerInfo<Deno.NetAddr>)
expectNotAssignable<DenoInfo>({} as Deno.NetAddr)

// WrapOptions: the context of a Worker, as it is.
expectAssignable<WrapOptions>({} as ExecutionContext)

// A handler: its arguments are those of its host, and so is its type.
expectAssignable<Deno.ServeHandler>(
  withBackgroundTasks((_tasks, _request: Request, _info: Deno.ServeHandlerInfo) => new Response()),
)
expectAssignable<(request: Request, context: NetlifyContext) => Promise<Response>>(
  withBackgroundTasks(
    async (_tasks, _request: Request, _context: NetlifyContext) => new Response(),
  ),
)
expectAssignable<ExportedHandlerFetchHandler>(
  withBackgroundTasks(
    (_tasks, _request: WorkersRequest, _env: unknown, _ctx: ExecutionContext) =>
      new Response() as unknown as WorkersResponse,
  ),
)
