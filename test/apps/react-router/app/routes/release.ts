import { release } from '../work.server.ts'
import type { Route } from './+types/release'

export function loader({ request }: Route.LoaderArgs) {
  release(new URL(request.url).searchParams.get('gate') ?? '')
  return new Response('released')
}
