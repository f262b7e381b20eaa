"""chat2crm carries finished website chats into CRMs: once, and nothing lost. This is the map; begin with `pipeline`.

Each package says in its own first lines what its modules are.

A chat comes in
    door         stands open to the internet, and lets in whoever may hold a connection.
    receive      takes a webhook, has it proved and kept, and only then answers it.
    verify       says whether a request proves that it comes from the chat service.
    live         answers with the client's card while the chat is on, within a time or not at all.
    store        keeps everything that must survive a crash, each commit on disk.
    sort         reads kept deliveries and makes chats and jobs of them.
    fetch        asks the chat service for what a delivery lacks, and for chats that ended while nobody listened.
    parse        turns a delivery's bytes and a mapping into events and chats.
    assemble     puts together what is told of one chat at different times.

It is worked on
    worker       claims due jobs under leases, has the pipeline carry each, and says what comes of its end.
    pipeline     knows the stages and their order: the page to read first. Its journal has each request done once.
    extract      finds phones, e-mails and handles, and says whose they are.
    match        decides by the contact points that stand on the hits' own cards.
    phone_digits knows numbers in E.164, and when two ways of writing are one of them.
    kpi          counts a chat's figures: missed, first response, duration.
    write        plans what is to be done, down to every byte of the notes, and sends nothing.

It goes out
    crm          speaks to a CRM as its mapping says, within its limits.
    files        fetches files that were sent along, and knows by their bytes what they are.
    transport    sends a request or a mail at most once, and says whether it may have been carried out.
    pacing       says how often and when: rests of a CRM that is down, the next try, what replicas agree on.

It is looked at
    report       shows what happened and what to do: pages, figures, health, alerts.
    log          writes one event a line, with nobody's contact data or secret in it.
    people       finds everything that is kept of one person, hands it out, erases it, and keeps it erased.

All of them rest on
    connections  the configured chat services and CRMs, each with its mapping, ready for work.
    mapping      the language in which chat services and CRMs are described.
    config       config.yaml and the environment as frozen settings.
    model        the materials that travel through all of this.
    errors       every error, sorted by what helps.
    networks     knows to which networks an address belongs.
    clock        the time, from one object that tests can drive.

Around it stand
    app          puts everything together, runs it from its start to its end, and replaces it when the configuration changes.
    cli          holds the commands, one module each.
    demo         shows the real service at work on recorded chats.
    sandbox      is a small real CRM for demonstrations, trials and tests.
    __main__     is `python -m bridge`.
"""
