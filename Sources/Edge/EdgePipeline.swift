package import NIOCore
import NIOHTTP1

/// The handlers between the bytes of a connection and its requests, in their order. Listeners and the differential
/// fuzzing use the same ones.
package enum EdgePipeline {
    /// - Parameters:
    ///   - edge: The first handler, which has received nothing yet.
    ///   - transport: The handlers between the edge and HTTP: TLS.
    package static func add(
        _ edge: EdgeGuard, bodyLimit: Int, transport: (any ChannelHandler)? = nil,
        to pipeline: ChannelPipeline.SynchronousOperations
    ) throws {
        try pipeline.addHandler(edge)
        if let transport { try pipeline.addHandler(transport) }
        var decoder = NIOHTTPDecoderLimitConfiguration()
        decoder.maxHeaderFieldSize = EdgeLimits.fieldBytes
        decoder.maxHeaderListSize = EdgeLimits.fieldsBytes
        decoder.maxHeaderFieldCount = EdgeLimits.fieldCount
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoder)
        try pipeline.addHandler(RequestGuard(edge, bodyLimit: bodyLimit))
    }
}
