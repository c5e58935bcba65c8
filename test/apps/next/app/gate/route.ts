import type { NextRequest } from 'next/server'
import { gate } from '../../lib/gates'

export async function GET(request: NextRequest): Promise<Response> {
  const { searchParams } = request.nextUrl
  const wait = searchParams.get('wait')
  const open = searchParams.get('open')
  if (open !== null) gate(open).open()
  if (wait !== null) await gate(wait).opened
  return new Response('open')
}
