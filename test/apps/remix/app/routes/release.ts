import type { LoaderFunctionArgs } from '@remix-run/node'
import { release } from '../work.server.ts'

export function loader({ request }: LoaderFunctionArgs) {
  release(new URL(request.url).searchParams.get('gate') ?? '')
  return new Response('released')
}
