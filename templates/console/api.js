export const bus = new EventTarget()
export const on = (target, names, run, options) =>
	names.split(' ').forEach(name => target.addEventListener(name, run, options))
export const once = (target, name) => new Promise(done => on(target, name, done, {once: true}))
export const tell = (name, detail) => bus.dispatchEvent(new CustomEvent(name, {detail}))

export let session = JSON.parse(sessionStorage.getItem('orderd'))
export const isAdmin = () => session?.user.role === 'admin'
export const isKey = () => session?.key
export function setSession(value) {
	session = value
	sessionStorage.setItem('orderd', JSON.stringify(value))
}

// What a page that is gone waits for never comes: it draws nothing any more.
const NEVER = new Promise(() => {})
const orElse = give => fault => fault.name === 'AbortError' ? NEVER : give()
export const scope = {}
let renewing

class Fault extends Error {
	constructor(status, body, retryAfter) {
		const detail = body?.detail
		const fields = detail?.map?.(({loc, msg}) => [loc.slice(1).join('.'), msg])
		super(fields?.map(it => it.join(': ')).join('. ') ?? sentence(status, detail, retryAfter))
		Object.assign(this, {status, body, retryAfter, fields})
	}
}
export const invalid = (name, msg) => new Fault(422, {detail: [{loc: ['', name], msg}]})
function sentence(status, detail, retryAfter) {
	if (status === 0) return 'The server can’t be reached. Nothing typed is lost.'
	if (status === 404) return 'There is no such thing here.'
	if (status === 412) return 'Somebody else has changed it meanwhile'
	if (status === 429) return `Too many at once. Again in ${retryAfter} s.`
	if (/unknown/.test(detail)) return 'It may have been done or not: look before you try again.'
	if (status === 503) return 'The server is busy. Nothing was done: try again.'
	return detail ?? `The server answered ${status}.`
}

let isLost
function lost() {
	if (!isLost) probe(500)
	isLost = true
	tell('lost')
	throw new Fault(0)
}
const probe = pauseMs => setTimeout(async () => {
	try {
		if ((await fetch('../livez', {cache: 'no-store'})).status >= 500) throw 0
		isLost = false
		tell('found')
		tell('tick')
	} catch {
		probe(Math.min(pauseMs * 2, 5000))
	}
}, pauseMs)
const reachable = () => isLost && once(bus, 'found')

export let ahead = 0
export const now = () => Date.now() + ahead

async function reach(method, path, {body, signal, token, match, key}) {
	const headers = given({Authorization: token && `Bearer ${token}`, 'Content-Type': body && 'application/json',
		'If-Match': match && `"${match}"`, 'Idempotency-Key': key})
	const response = await fetch(`../${path}`,
		{method, headers, signal, body: body && JSON.stringify(body), cache: 'no-store', credentials: 'omit'}
	).catch(orElse(lost))
	if ([502, 504].includes(response.status)) lost()
	const by = Date.parse(response.headers.get('date')) - Date.now()
	// The header has whole seconds.
	ahead = Math.abs(by) > 2000 ? by : 0
	return response
}

export async function request(method, path, options = {}) {
	for (;;) {
		const token = session?.token
		const response = await reach(method, path, {token, ...options})
		if (response.ok) return response
		if (response.status !== 401 || 'token' in options) throw await faultOf(response)
		if (session?.token === token) await (renewing ??= scope.renew().finally(() => { renewing = null }))
	}
}

async function faultOf(response) {
	const body = await response.json().catch(() => null)
	return new Fault(response.status, body, Number(response.headers.get('retry-after')) || 1)
}

async function json(...call) {
	const response = await request(...call)
	return response.status === 204 ? null : response.json().catch(orElse(() => { throw new Fault(0) }))
}

export const given = all => Object.entries(all).filter(([, it]) => it || it === 0)
export const queryOf = params => new URLSearchParams(given(params))
export const get = (path, params = {}, options) =>
	json('GET', `${path}?${queryOf(params)}`, {signal: scope.signal, ...options})
export const post = (path, body, options) => json('POST', path, {body, ...options})

export function keyed(send) {
	let last, key
	return async body => {
		const text = JSON.stringify(body)
		if (text !== last) key = crypto.getRandomValues(new Uint32Array(4)).join('-')
		last = text
		const answer = await send(body, key)
		last = null
		return answer
	}
}

let running
export let isLive = false

const pause = ms => new Promise(done => setTimeout(done, ms))
const shown = () => document.hidden && localStorage.sound !== 'on' && once(document, 'visibilitychange')

export function startFeed() {
	running?.abort()
	running = new AbortController()
	const run = isAdmin() ? follow : tick
	run(running.signal)
}

function setLive(value) {
	if (isLive !== value) tell('live', isLive = value)
}

async function tick(signal) {
	setLive(false)
	while (!signal.aborted) {
		await pause(15000)
		await shown()
		await reachable()
		tell('tick')
	}
}

async function follow(signal) {
	let after, source
	while (!signal.aborted) {
		try {
			if (after == null) {
				({next: after, source} = await get('events/', {limit: 0}, {signal}))
				tell('tick')
			}
			setLive(true)
			const page = await get('events/', {after, source, wait: 20}, {signal})
			after = page.next
			for (const event of page.events) tell('event', event)
		} catch (fault) {
			if (signal.aborted) return
			if ([403, 404].includes(fault.status)) return tick(signal)
			if (fault.status === 410) after = null
			else {
				setLive(false)
				await pause((fault.retryAfter ?? 0.3) * 1000)
				await reachable()
			}
		}
		await shown()
	}
}
