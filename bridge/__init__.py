"""chat2crm carries finished website chats into CRMs: once, and nothing lost. This is the map; begin with `pipeline`.

A chat comes in
    listeners    open the two doors, to the internet and to the people who run it.
    doorway      says who may hold a connection to the public listener.
    turns        says whose request is looked at next, when more come without proof than are to be looked at.
    porch        takes connections, and hands on those that have sent a whole head.
    bare         has the HTTP server's own answers say nothing.
    allowance    counts how much may still happen: of one chat connection's deliveries, of looks at what proves nothing.
    bodies       reads what is sent, within one limit for all that is being read.
    receive      takes a webhook, has it proved and kept, and only then answers it.
    verify       says whether a request proves that it comes from the chat service.
    live         answers with the client's card while the chat is on, within a time or not at all.
    store        keeps everything that must survive a crash, each commit on disk.
    sort         reads kept deliveries and makes chats and jobs of them.
    fetch        asks the chat service for what a delivery lacks, and for chats that ended while nobody listened.
    removal      asks twice before a connection goes to which chats are on their way.
    sites        reads the configuration of an agency: a customer's mistake stops that customer alone.
    sources      holds the configured chat connections, each with its mapping.
    parse        turns a delivery's bytes and a mapping into events and chats.
    assemble     puts together what is told of one chat at different times.
    forgotten    knows what was erased when it is told once more.

It is worked on
    worker       claims due jobs under leases and runs the pipeline over each.
    endings      says what comes of an attempt's end: again, a rest for its target, a person.
    breaker      lets a CRM that is down rest, and one job try whether it is back.
    board        is where replicas agree on limits, rests and whose turn it is.
    retry        says when a failed job is tried again, or that it is not.
    pipeline     knows the stages and their order: the page to read first.
    case         is one chat on its way to one target, with what follows from it.
    client_locks has one chat of a person written at a time.
    attempt      is what the stages of one attempt share, and the ways it can end early.
    route_scope  is what the conditions of routes see of a chat.
    extract      finds phones, e-mails and handles, and says whose they are.
    recognise    asks our own memory and the CRM's search whose chat it is.
    deals        knows a client's open deals, also those that no list shows yet.
    match        decides by the contact points that stand on the hits' own cards.
    phone_digits knows numbers in E.164, and when two ways of writing are one of them.
    kpi          counts a chat's figures: missed, first response, duration.
    tally        makes of them what a chat adds to its day, for the report.
    write        plans what is to be done, down to every byte of the notes, and sends nothing.

It goes out
    carrying     carries out the plan, operation by operation, and says how the job ended.
    journal      has each operation done once, and finds out what became of one that got no answer.
    leaving      says when a request leaves, to the second.
    copying      has files that were sent along copied onto the card, or says why not.
    files        fetches them from the internet alone, and knows by their bytes what they are.
    targets      holds the configured CRM connections, each with its mapping.
    crm          speaks to a CRM as its mapping says, within its limits.
    transport    sends a request at most once, and says whether it may have been carried out.
    departure    lets a request go when its connection is there and it may.
    private      knows addresses that are nobody's on the internet, and connects to no others.
    mailing      hands a mail to a mail server at most once, and says whether it may have been taken.

It is looked at
    report       shows what happened and what to do: pages, figures, health, alerts.
    passwords    makes and checks the hash of a password.
    log          writes one event a line, with nobody's contact data or secret in it.
    people       finds everything that is kept of one person, hands it out, erases it.

All of them rest on
    mapping      the language in which chat services and CRMs are described.
    config       config.yaml and the environment as frozen settings.
    model        the materials that travel through all of this.
    errors       every error, sorted by what helps.
    networks     knows to which networks an address belongs.
    clock        the time, from one object that tests can drive.

Around it stand
    wiring       puts everything together, and replaces it when the configuration changes.
    chores       goes on beside the chats: sorting what came in, emptying what is too old.
    app          runs the service from its start to its end.
    cli          holds the commands, one module each.
    demo         shows the real service at work on recorded chats.
    sandbox      is a small real CRM for demonstrations, trials and tests.
    __main__     is `python -m bridge`.
"""
