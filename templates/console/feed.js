import {get, isAdmin, once, reachable, tell} from './api.js'

let running = null
export let isLive = false

const pause = ms => new Promise(done => setTimeout(done, ms))
const shown = () => document.hidden && localStorage.sound !== 'on'
	&& once(document, 'visibilitychange')

export function start() {
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
	for (;;) {
		await pause(15000)
		await shown()
		await reachable()
		if (signal.aborted) return
		tell('tick')
	}
}

async function follow(signal) {
	let after = null, source
	while (!signal.aborted) {
		try {
			if (after === null) {
				({next: after, source} = await get('events/', {limit: 0}, {signal}))
				tell('tick')
			}
			setLive(true)
			const page = await get('events/', {after, source, wait: 20}, {signal})
			after = page.next
			for (const event of page.events) tell('event', event)
		} catch (fault) {
			if (signal.aborted) return
			if (fault.status === 404 || fault.status === 403) return tick(signal)
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
